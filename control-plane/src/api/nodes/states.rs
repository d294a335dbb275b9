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
use crate::conductor::wrong_state::not_performed;
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
    let action = power_action(&target, &ident, &node)?;
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

/// Refused in Ironic's words, and then with what is allowed.
fn power_action(target: &str, ident: &str, node: &Node) -> ApiResult<PowerAction> {
    let refusal = |state: &str, allowed: &str| {
        let refusal = not_performed(target, ident, state);
        ApiError::invalid(format!("{refusal} {allowed}"))
    };
    let action = target.parse::<PowerAction>().map_err(|_| {
        let state = node.power_state.map_or("None", |state| state.name());
        let actions = PowerAction::ALL.map(PowerAction::name).join(", ");
        refusal(state, &format!("There are: {actions}."))
    })?;
    let state = node.provision_state;
    if matches!(state, ProvisionState::Cleaning | ProvisionState::CleanWait) {
        let allowed = "No power action is allowed in this state: wait until the cleaning ends.";
        return Err(refusal(state.name(), allowed));
    }
    Ok(action)
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

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::state::PowerState;
    use uuid::Uuid;

    fn check(target: &str, change: impl FnOnce(&mut Node), expected: Result<PowerAction, &str>) {
        let id = NodeId(Uuid::nil());
        let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        change(&mut node);
        match (power_action(target, "a", &node), expected) {
            (Ok(action), Ok(expected)) => assert_eq!(action, expected),
            (Err(ApiError::Fault { status, text }), Err(expected)) => {
                assert_eq!((status, text.as_str()), (StatusCode::BAD_REQUEST, expected));
            }
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn power_targets() {
        let there_are =
            "There are: power on, power off, rebooting, soft rebooting, soft power off.";
        let unknown = |state: &str| format!("{} {there_are}", not_performed("up", "a", state));
        check("up", |_| (), Err(unknown("None").as_str()));
        let on = |node: &mut Node| node.power_state = Some(PowerState::On);
        check("up", on, Err(unknown("power on").as_str()));
        check("power on", on, Ok(PowerAction::On));
        let cleaning = |node: &mut Node| node.provision_state = ProvisionState::CleanWait;
        let none = "No power action is allowed in this state: wait until the cleaning ends.";
        let sentence = not_performed("power off", "a", "clean wait");
        let refusal = format!("{sentence} {none}");
        check("power off", cleaning, Err(refusal.as_str()));
    }
}
