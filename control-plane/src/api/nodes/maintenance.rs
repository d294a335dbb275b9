//! `PUT` and `DELETE {node}/maintenance`.

use super::find;
use super::states::refuse_rest;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::conductor::requests::Maintenance;
use http::StatusCode;
use serde_json::Value;

pub(super) async fn on(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<StatusCode> {
    call.arguments.allow(&["reason"])?;
    let in_url = call.arguments.text("reason").map(str::to_owned);
    let reason = match body.shift_remove("reason") {
        None | Some(Value::Null) => in_url,
        Some(Value::String(reason)) => Some(reason),
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "reason must be a text, not {other}"
            )));
        }
    };
    refuse_rest(&body)?;
    set(&call, &ident, Maintenance::On { reason }).await
}

pub(super) async fn off(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    set(&call, &ident, Maintenance::Off).await
}

async fn set(call: &Call, ident: &str, maintenance: Maintenance) -> ApiResult<StatusCode> {
    let id = find::id(call, ident).await?;
    call.conductor().set_maintenance(id, maintenance).await?;
    Ok(StatusCode::ACCEPTED)
}
