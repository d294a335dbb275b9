//! `{node}/management/boot_device`: asked of the BMC while the client waits.

use super::find;
use super::states::refuse_rest;
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::api::shape::Shape;
use axum::Json;
use ferric_drivers::{BootDevice, Persistence};
use http::StatusCode;
use serde_json::{Value, json};

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let setting = call.conductor().boot_device(id).await?;
    let persistent = setting
        .persistence
        .map(|persistence| persistence == Persistence::Continuous);
    let device = setting.device.map(BootDevice::name);
    Ok(Json(
        json!({"boot_device": device, "persistent": persistent}),
    ))
}

pub(super) async fn set(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<StatusCode> {
    // The client of the command line sends them in the URL.
    call.arguments.allow(&["boot_device", "persistent"])?;
    let mut take = |key: &str| {
        let in_url = || call.arguments.text(key).map(Value::from);
        body.shift_remove(key).or_else(in_url)
    };
    let device = take("boot_device").ok_or_else(|| missing("boot_device"))?;
    let persistent = take("persistent").unwrap_or_default();
    refuse_rest(&body)?;
    let device: BootDevice = device
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error| ApiError::invalid(format!("{error}")))?;
    let persistence = match Shape::Flag.check("persistent", persistent)? {
        Value::Bool(true) => Persistence::Continuous,
        _ => Persistence::Once,
    };
    let id = find::id(&call, &ident).await?;
    call.conductor()
        .set_boot_device(id, device, persistence)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn supported(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let devices = call.conductor().supported_boot_devices(id).await?;
    let names: Vec<_> = devices.into_iter().map(BootDevice::name).collect();
    Ok(Json(json!({"supported_boot_devices": names})))
}
