//! `/v1/runbooks/{runbook}/traits`: which nodes may use it.

use super::find;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::nodes::refuse_rest;
use crate::api::path::Path;
use crate::api::traits::{self, TraitChange};
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::recipe::Runbook;
use http::{StatusCode, header};
use serde_json::{Value, json};

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let runbook = find::<Runbook>(&call, &ident).await?.1;
    Ok(Json(json!({"traits": runbook.traits})))
}

pub(super) async fn replace(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let traits = traits::given(body.shift_remove("traits"))?;
    refuse_rest(&body)?;
    change(&call, &ident, TraitChange::Replace(traits)).await
}

pub(super) async fn add(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<Response> {
    call.no_arguments()?;
    traits::check(&name)?;
    let location = call.base.url(format!("runbooks/{ident}/traits/{name}"));
    let status = change(&call, &ident, TraitChange::Add(name)).await?;
    Ok((status, [(header::LOCATION, location)]).into_response())
}

pub(super) async fn clear(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, TraitChange::Clear).await
}

pub(super) async fn remove(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, TraitChange::Remove(name)).await
}

async fn change(call: &Call, ident: &str, change: TraitChange) -> ApiResult<StatusCode> {
    let (record, mut runbook) = find::<Runbook>(call, ident).await?;
    runbook.traits = change.of(runbook.traits, "runbook")?;
    call.conductor().update_recipe(&record, runbook).await?;
    Ok(StatusCode::NO_CONTENT)
}
