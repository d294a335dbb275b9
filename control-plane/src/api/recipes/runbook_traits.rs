//! `/v1/runbooks/{runbook}/traits`: which nodes may use it.

use super::find;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::{check_trait, refuse_rest, traits_of};
use crate::api::path::Path;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::recipe::Runbook;
use http::{StatusCode, header};
use serde_json::{Value, json};

const MOST: usize = 50;

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
    let traits = traits_of(body.shift_remove("traits"))?;
    refuse_rest(&body)?;
    change(&call, &ident, |_| Ok(traits)).await
}

pub(super) async fn add(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<Response> {
    call.no_arguments()?;
    check_trait(&name)?;
    let location = call.base.url(format!("runbooks/{ident}/traits/{name}"));
    let status = change(&call, &ident, |mut traits| {
        if !traits.contains(&name) {
            traits.push(name);
        }
        Ok(traits)
    });
    Ok((status.await?, [(header::LOCATION, location)]).into_response())
}

pub(super) async fn clear(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, |_| Ok(Vec::new())).await
}

pub(super) async fn remove(
    call: Call,
    Path((ident, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    change(&call, &ident, |mut traits| {
        let before = traits.len();
        traits.retain(|known| *known != name);
        if traits.len() == before {
            let text = format!("the runbook has no trait {name}");
            return Err(ApiError::not_found(text));
        }
        Ok(traits)
    })
    .await
}

async fn change(
    call: &Call,
    ident: &str,
    change: impl FnOnce(Vec<String>) -> ApiResult<Vec<String>>,
) -> ApiResult<StatusCode> {
    let (record, mut runbook) = find::<Runbook>(call, ident).await?;
    runbook.traits = change(runbook.traits)?;
    if runbook.traits.len() > MOST {
        return Err(ApiError::invalid(format!(
            "a runbook can have at most {MOST} traits"
        )));
    }
    call.conductor().update_recipe(&record, runbook).await?;
    Ok(StatusCode::NO_CONTENT)
}
