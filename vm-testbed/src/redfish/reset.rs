//! The action `ComputerSystem.Reset`.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::{Refusal, parameters, shown};
use super::{Bmc, message, paths};
use crate::config::Machine;
use crate::machine::{PowerError, Reset};

const ACTION: &str = "ComputerSystem.Reset";

fn path(machine: &Machine) -> String {
    paths::under_system(machine, "Actions/ComputerSystem.Reset")
}

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    Router::new().route(&path(machine), post(reset))
}

/// The action as the system shows it.
pub(super) fn action(machine: &Machine) -> Value {
    json!({"target": path(machine), "ResetType@Redfish.AllowableValues": Reset::OF_BMC})
}

async fn reset(State(bmc): State<Bmc>, body: Bytes) -> Result<StatusCode, Refusal> {
    let reset = parse(&parameters(&body)?)?;
    match bmc.machine.reset(reset).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(match error.downcast_ref::<PowerError>() {
            Some(unfit) => Refusal::new(StatusCode::CONFLICT, &message::RESOURCE_IN_STANDBY, &[])
                .because(format!("{unfit}.")),
            None => Refusal::internal(&error),
        }),
    }
}

fn parse(parameters: &Map<String, Value>) -> Result<Reset, Refusal> {
    let missing = || Refusal::bad(&message::ACTION_PARAMETER_MISSING, &[ACTION, "ResetType"]);
    let value = parameters.get("ResetType").ok_or_else(missing)?;
    one_of(Reset::OF_BMC, value, ACTION)
}

/// The `ResetType` of an action, which must be one of those that the action allows.
pub(super) fn one_of<T: Serialize, const N: usize>(
    allowed: [T; N],
    value: &Value,
    action: &str,
) -> Result<T, Refusal> {
    let message = if value.is_string() {
        &message::ACTION_PARAMETER_VALUE_NOT_IN_LIST
    } else {
        &message::ACTION_PARAMETER_VALUE_TYPE_ERROR
    };
    let known = allowed.into_iter().find(|reset| json!(reset) == *value);
    known.ok_or_else(|| Refusal::bad(message, &[&shown(value), "ResetType", action]))
}
