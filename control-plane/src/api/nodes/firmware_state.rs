//! `PUT {node}/states/boot_mode` and `{node}/states/secure_boot`: done in the background.

use super::find;
use super::states::{accepted, boolean, refuse_rest};
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use axum::response::Response;
use ferric_drivers::{BootMode, SecureBootState};
use ferric_model::node::Object;
use serde_json::Value;

pub(super) async fn set_boot_mode(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let mode = match target(body)? {
        Value::String(name) => name.parse::<BootMode>(),
        other => other.to_string().parse(),
    };
    let mode = mode.map_err(|error| ApiError::invalid(error.to_string()))?;
    let id = find::id(&call, &ident).await?;
    call.conductor().set_boot_mode(id, mode).await?;
    Ok(accepted(&call, &ident, "states"))
}

pub(super) async fn set_secure_boot(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let on = boolean("target", target(body)?)?;
    let on = on.ok_or_else(|| ApiError::invalid("target must be true or false, not null"))?;
    let id = find::id(&call, &ident).await?;
    let state = SecureBootState::of(on);
    call.conductor().set_secure_boot(id, state).await?;
    Ok(accepted(&call, &ident, "states"))
}

/// The only key of the body.
fn target(mut body: Object) -> ApiResult<Value> {
    let target = body.shift_remove("target");
    refuse_rest(&body)?;
    target.ok_or_else(|| missing("target"))
}
