//! The entry of the service: the only resource that needs no authentication.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{link, readable};
use super::{Bmc, View, paths};
use crate::machine::{MANUFACTURER, MODEL};

pub(super) fn routes() -> Router<Bmc> {
    let versions = axum::routing::get(async || axum::Json(json!({"v1": "/redfish/v1/"})));
    readable(paths::ROOT, body).route("/redfish", versions)
}

fn body(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.15.0",
        "UUID": view.machine.uuid,
        "Vendor": MANUFACTURER,
        "Product": MODEL,
        "ProtocolFeaturesSupported": {
            "ExcerptQuery": false,
            "FilterQuery": false,
            "OnlyMemberQuery": false,
            "SelectQuery": false,
            "ExpandQuery": {"ExpandAll": false, "Levels": false, "Links": false, "NoLinks": false},
            "DeepOperations": {"DeepPATCH": false, "DeepPOST": false},
            "MultipleHTTPRequests": true,
        },
        "Systems": link(paths::SYSTEMS),
        "Managers": link(paths::MANAGERS),
        "Chassis": link(paths::CHASSIS_ALL),
        "AccountService": link(paths::ACCOUNT_SERVICE),
        "Tasks": link(paths::TASK_SERVICE),
        "SessionService": link(paths::SESSION_SERVICE),
        "Links": {"Sessions": link(paths::SESSIONS)},
    })
}
