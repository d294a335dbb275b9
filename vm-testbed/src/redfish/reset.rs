//! The action `ComputerSystem.Reset`.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::error::Refusal;
use super::{Bmc, paths};
use crate::config::Machine;
use crate::machine::{PowerError, Reset};

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

async fn reset(
    State(bmc): State<Bmc>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let Json(body) = body.map_err(|_| Refusal::bad("MalformedJSON", "The body is not JSON."))?;
    let reset = parse(&body)?;
    match bmc.machine.reset(reset).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(match error.downcast_ref::<PowerError>() {
            Some(unfit) => Refusal::new(
                StatusCode::CONFLICT,
                "ResourceInStandby",
                format!("{unfit}."),
            ),
            None => Refusal::internal(&error),
        }),
    }
}

fn parse(body: &Value) -> Result<Reset, Refusal> {
    let missing = || {
        Refusal::bad(
            "ActionParameterMissing",
            "The action needs the parameter ResetType.",
        )
    };
    let value = body.get("ResetType").ok_or_else(missing)?;
    let known = Reset::OF_BMC
        .into_iter()
        .find(|reset| json!(reset) == *value);
    known.ok_or_else(|| {
        let message = format!(
            "The value {value} for the parameter ResetType is not in the list of acceptable values."
        );
        Refusal::bad("ActionParameterValueNotInList", message)
    })
}
