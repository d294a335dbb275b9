//! The chassis that everything is in.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, link, readable};
use super::{Bmc, View, paths};
use crate::machine::{MANUFACTURER, MODEL};

pub(super) fn routes() -> Router<Bmc> {
    collection(paths::CHASSIS_ALL, "Chassis", &[paths::CHASSIS.into()])
        .merge(readable(paths::CHASSIS, body))
}

fn body(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#Chassis.v1_23_0.Chassis",
        "Id": "Chassis",
        "Name": format!("Chassis of {}", view.machine.name),
        "ChassisType": "RackMount",
        "Manufacturer": MANUFACTURER,
        "Model": MODEL,
        "SerialNumber": view.machine.name,
        "PowerState": view.status.power,
        "Status": healthy(),
        "Links": {
            "ComputerSystems": [link(paths::system(view.machine))],
            "ManagedBy": [link(paths::MANAGER)],
        },
    })
}
