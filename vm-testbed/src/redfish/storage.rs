//! Storage: one controller for each bus that the machine has disks on, and the drives behind it.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, link, readable};
use super::{Bmc, View, paths};
use crate::config::{Bus, Disk, Machine};

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let buses = buses(machine);
    let members: Vec<String> = buses
        .iter()
        .map(|bus| paths::storage(machine, *bus))
        .collect();
    let mut all = collection(
        &paths::under_system(machine, "Storage"),
        "Storage",
        &members,
    );
    for bus in buses {
        all = all.merge(readable(&paths::storage(machine, bus), move |view| {
            controller(view, bus)
        }));
    }
    for (index, disk) in machine.disks.iter().enumerate() {
        all = all.merge(readable(
            &paths::drive(machine, disk.bus, index),
            move |view| drive(view, index),
        ));
    }
    all
}

pub(super) fn buses(machine: &Machine) -> Vec<Bus> {
    let used = |bus: &Bus| machine.disks.iter().any(|disk| disk.bus == *bus);
    [Bus::Virtio, Bus::Scsi, Bus::Nvme]
        .into_iter()
        .filter(used)
        .collect()
}

fn controller(view: &View<'_>, bus: Bus) -> Value {
    let disks = view
        .machine
        .disks
        .iter()
        .enumerate()
        .filter(|(index, disk)| disk.bus == bus && !view.status.pulled.contains(index));
    let drives: Vec<Value> = disks
        .map(|(index, _)| link(paths::drive(view.machine, bus, index)))
        .collect();
    let name = paths::bus_name(bus);
    json!({
        "@odata.type": "#Storage.v1_15_0.Storage",
        "Id": name,
        "Name": format!("{name} controller"),
        "StorageControllers": [{
            "@odata.id": format!("{}#/StorageControllers/0", paths::storage(view.machine, bus)),
            "MemberId": "0",
            "Name": format!("{name} controller"),
            "SupportedDeviceProtocols": [protocol(bus)],
            "Status": healthy(),
        }],
        "Drives@odata.count": drives.len(),
        "Drives": drives,
        "Status": healthy(),
    })
}

/// What the guest reads from the disk; virtio disks tell none.
pub(super) fn model(bus: Bus) -> Option<&'static str> {
    match bus {
        Bus::Virtio => None,
        Bus::Scsi => Some("QEMU HARDDISK"),
        Bus::Nvme => Some("QEMU NVMe Ctrl"),
    }
}

fn drive(view: &View<'_>, index: usize) -> Value {
    let disk = &view.machine.disks[index];
    let wwn = disk
        .wwn
        .as_deref()
        .map(|wwn| json!({"DurableNameFormat": "NAA", "DurableName": &wwn[2..]}));
    json!({
        "@odata.type": "#Drive.v1_17_0.Drive",
        "Id": index.to_string(),
        "Name": format!("Disk {index}"),
        "SerialNumber": view.machine.serial_of(index),
        "Manufacturer": "QEMU",
        "Model": model(disk.bus),
        "MediaType": media_type(disk),
        "Protocol": protocol(disk.bus),
        "CapacityBytes": disk.size.0,
        "BlockSizeBytes": disk.sector_size(),
        "Identifiers": Vec::from_iter(wwn),
        "Status": if view.status.pulled.contains(&index) { json!({"State": "Absent"}) } else { healthy() },
    })
}

/// A virtio disk does not say what it is, and the BMC knows no more than the guest.
fn media_type(disk: &Disk) -> Option<&'static str> {
    match disk.bus {
        Bus::Virtio => None,
        Bus::Scsi if disk.rotational => Some("HDD"),
        Bus::Scsi | Bus::Nvme => Some("SSD"),
    }
}

/// Redfish has no word for virtio, which is a device on PCI Express.
fn protocol(bus: Bus) -> &'static str {
    match bus {
        Bus::Virtio => "PCIe",
        Bus::Scsi => "SAS",
        Bus::Nvme => "NVMe",
    }
}
