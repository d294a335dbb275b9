//! Memory, as one module.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, readable};
use super::{Bmc, View, paths};
use crate::config::Machine;

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let path = paths::under_system(machine, "Memory/DIMM0");
    collection(
        &paths::under_system(machine, "Memory"),
        "Memory",
        std::slice::from_ref(&path),
    )
    .merge(readable(&path, body))
}

fn body(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#Memory.v1_18_0.Memory",
        "Id": "DIMM0",
        "Name": "DIMM 0",
        "MemoryType": "DRAM",
        "CapacityMiB": view.machine.memory,
        "Status": healthy(),
    })
}
