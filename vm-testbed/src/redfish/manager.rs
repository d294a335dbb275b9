//! The manager, which is the BMC itself. A restart of it ends all sessions and nothing else.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use super::resource::{collection, healthy, link, readable};
use super::{Bmc, View, paths};

const RESET: &str = "/redfish/v1/Managers/BMC/Actions/Manager.Reset";

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
            "ResetType@Redfish.AllowableValues": ["GracefulRestart", "ForceRestart"],
        }},
    })
}

async fn reset(State(bmc): State<Bmc>) -> StatusCode {
    bmc.sessions.lock().clear();
    StatusCode::NO_CONTENT
}
