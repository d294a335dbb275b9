//! `{node}/states/console`: where the console is, and opening and closing it in the background.

use super::find;
use super::states::{accepted, boolean, refuse_rest};
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::path::Path;
use crate::conductor::requests::ConsoleShown;
use axum::Json;
use axum::response::Response;
use serde_json::{Value, json};

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let (enabled, info) = match call.conductor().console(id).await? {
        ConsoleShown::Closed => (false, Value::Null),
        ConsoleShown::Open(None) => (true, json!({})),
        ConsoleShown::Open(Some((kind, url))) => (true, json!({"type": kind, "url": url})),
    };
    Ok(Json(
        json!({"console_enabled": enabled, "console_info": info}),
    ))
}

pub(super) async fn set(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let enabled = body.shift_remove("enabled");
    refuse_rest(&body)?;
    let enabled = boolean("enabled", enabled.ok_or_else(|| missing("enabled"))?)?;
    let id = find::id(&call, &ident).await?;
    match enabled {
        Some(true) => call.conductor().open_console(id).await?,
        Some(false) | None => call.conductor().close_console(id).await?,
    }
    Ok(accepted(&call, &ident, "states/console"))
}
