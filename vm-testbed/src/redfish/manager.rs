//! The manager, which is the BMC itself. A restart of it ends all sessions and nothing else.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use super::error::{Refusal, parameters};
use super::resource::{collection, healthy, link, readable};
use super::{Bmc, View, paths, reset};

const RESET: &str = "/redfish/v1/Managers/BMC/Actions/Manager.Reset";
const RESET_TYPES: [&str; 2] = ["GracefulRestart", "ForceRestart"];

pub(super) fn routes() -> Router<Bmc> {
    collection(paths::MANAGERS, "Manager", &[paths::MANAGER.into()])
        .merge(readable(paths::MANAGER, body))
        .route(RESET, post(reset))
}

fn body(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#Manager.v1_18_0.Manager",
        "Id": "BMC",
        "Name": format!("BMC of {}", view.machine.name),
        "ManagerType": "BMC",
        "UUID": view.machine.uuid,
        "FirmwareVersion": env!("CARGO_PKG_VERSION"),
        "Status": healthy(),
        "PowerState": "On",
        "VirtualMedia": link(format!("{}/VirtualMedia", paths::MANAGER)),
        "Links": {
            "ManagerForServers": [link(paths::system(view.machine))],
            "ManagerForChassis": [link(paths::CHASSIS)],
        },
        "Actions": {"#Manager.Reset": {
            "target": RESET,
            "ResetType@Redfish.AllowableValues": RESET_TYPES,
        }},
    })
}

async fn reset(State(bmc): State<Bmc>, body: Bytes) -> Result<StatusCode, Refusal> {
    let parameters = parameters(&body)?;
    // Each kind does the same here, so that none need be given.
    if let Some(value) = parameters.get("ResetType") {
        reset::one_of(RESET_TYPES, value, "Manager.Reset")?;
    }
    bmc.sessions.lock().clear();
    Ok(StatusCode::NO_CONTENT)
}
