//! `{node}/traits`: all of them, or one at a time.

use super::find::{self, Found};
use super::states::refuse_rest;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::api::traits::{self, TraitChange};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let found = find::node(&call, &ident).await?;
    Ok(Json(json!({"traits": found.node.traits})))
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
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    traits::check(&name)?;
    if !body.is_empty() {
        return Err(ApiError::invalid(
            "one trait is added without a body; PUT on traits replaces them all",
        ));
    }
    let location = call.base.url(format!("nodes/{ident}/traits/{name}"));
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
    let Found { record, mut node } = find::node(call, ident).await?;
    node.traits = change.of(node.traits, "node")?;
    call.conductor().update_node(&record, node).await?;
    Ok(StatusCode::NO_CONTENT)
}
