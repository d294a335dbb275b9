//! `GET {node}/states` and `PUT {node}/states/power`.

use super::find;
use super::view;
use crate::api::arguments::{missing, unexpected};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::gates::SOFT_POWER;
use crate::api::path::Path;
use crate::api::shape::Shape;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_drivers::PowerAction;
use ferric_model::node::{Node, Object};
use ferric_model::state::ProvisionState;
use http::{StatusCode, header};
use serde_json::Value;
use std::time::Duration;

/// Nobody waits longer than a day for a machine to switch.
const MAX_TIMEOUT_S: u64 = 86_400;

pub(super) async fn states(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let found = find::node(&call, &ident).await?;
    Ok(Json(view::states(&found.node, call.version, &call.access)))
}

pub(super) async fn power(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let (target, timeout) = parse_power(body)?;
    if timeout.is_some() || ["soft power off", "soft rebooting"].contains(&target.as_str()) {
        need(call.version, SOFT_POWER, "a soft power action or a timeout")?;
    }
    let timeout = timeout.as_ref().map(seconds).transpose()?;
    let action: PowerAction = target
        .parse()
        .map_err(|error| ApiError::invalid(format!("{error}")))?;
    check_power(&node)?;
    call.conductor()
        .set_power(node.uuid, action, timeout)
        .await?;
    Ok(accepted(&call, &ident, "states"))
}

fn parse_power(mut body: Object) -> ApiResult<(String, Option<Value>)> {
    let target = match body.shift_remove("target") {
        Some(Value::String(target)) => target,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "target must be a text, not {other}"
            )));
        }
        None => return Err(missing("target")),
    };
    let timeout = body
        .shift_remove("timeout")
        .filter(|timeout| !timeout.is_null());
    refuse_rest(&body)?;
    Ok((target, timeout))
}

fn seconds(value: &Value) -> ApiResult<Duration> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok());
    number
        .filter(|seconds| (1..=MAX_TIMEOUT_S).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            ApiError::invalid(format!(
                "timeout must be a number of seconds from 1 to {MAX_TIMEOUT_S}, not {value}"
            ))
        })
}

fn check_power(node: &Node) -> ApiResult<()> {
    let state = node.provision_state;
    if matches!(state, ProvisionState::Cleaning | ProvisionState::CleanWait) {
        return Err(ApiError::invalid(format!(
            "the power of node {} is not changed while it is in the state {state}",
            node.uuid
        )));
    }
    Ok(())
}

/// 202 with where below the node to look for the outcome.
pub(super) fn accepted(call: &Call, ident: &str, place: &str) -> Response {
    let location = [(
        header::LOCATION,
        call.base.url(format!("nodes/{ident}/{place}")),
    )];
    (StatusCode::ACCEPTED, location).into_response()
}

/// True or false in all the ways in which clients write it, 1 and 0 among them; `None` is null.
pub(super) fn boolean(key: &str, value: Value) -> ApiResult<Option<bool>> {
    let value = match value.as_u64() {
        Some(number @ 0..=1) => Value::Bool(number == 1),
        _ => value,
    };
    Ok(Shape::Tristate.check(key, value)?.as_bool())
}

/// 400 for keys of a body that nobody took out.
pub(in crate::api) fn refuse_rest(body: &Object) -> ApiResult<()> {
    let keys: Vec<&str> = body.keys().map(String::as_str).collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(unexpected(&keys))
}
