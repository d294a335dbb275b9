//! Processors: QEMU is told to make one socket with all cores.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, readable};
use super::{Bmc, View, paths};
use crate::config::Machine;

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let path = paths::under_system(machine, "Processors/CPU0");
    collection(
        &paths::under_system(machine, "Processors"),
        "Processor",
        std::slice::from_ref(&path),
    )
    .merge(readable(&path, body))
}

fn body(view: &View<'_>) -> Value {
    json!({
        "@odata.type": "#Processor.v1_18_0.Processor",
        "Id": "CPU0",
        "Name": "CPU0",
        "Socket": "CPU0",
        "ProcessorType": "CPU",
        "ProcessorArchitecture": "x86",
        "InstructionSet": "x86-64",
        "Manufacturer": "QEMU",
        "TotalCores": view.machine.cpus,
        "TotalThreads": view.machine.cpus,
        "Status": healthy(),
    })
}
