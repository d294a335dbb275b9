//! The older view of storage: all disks as devices of one controller.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, readable};
use super::{Bmc, View, paths};
use crate::config::{Disk, Machine};

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let path = paths::under_system(machine, "SimpleStorage/1");
    collection(
        &paths::under_system(machine, "SimpleStorage"),
        "SimpleStorage",
        std::slice::from_ref(&path),
    )
    .merge(readable(&path, body))
}

fn body(view: &View<'_>) -> Value {
    let is_in = |(index, _): &(usize, &Disk)| !view.status.pulled.contains(index);
    let device = |(index, disk): (usize, &Disk)| {
        json!({"Name": format!("Disk {index}"), "Manufacturer": "QEMU", "Model": super::storage::model(disk.bus),
            "CapacityBytes": disk.size.0, "Status": healthy()})
    };
    json!({
        "@odata.type": "#SimpleStorage.v1_3_1.SimpleStorage",
        "Id": "1",
        "Name": "Disks",
        "Devices": view.machine.disks.iter().enumerate().filter(is_in).map(device).collect::<Vec<_>>(),
        "Status": healthy(),
    })
}
