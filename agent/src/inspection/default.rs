//! `default`: the inventory, and which disk and which interface of it matter most.

use ferric_agent_protocol::hints::{DiskFacts, smallest_disk};
use ferric_agent_protocol::inspection::InspectionData;

use super::collector::CollectError;
use super::{Subject, lldp};
use crate::inventory;
use crate::network::{boot_interface, mac_of_bootif};

pub(super) const NAME: &str = "default";

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    let bootif = subject.bootif.as_deref();
    let found = inventory::collect(&subject.host, bootif, subject.detection)?;
    let (mut inventory, collector_failures) = subject.managers.override_inventory(found);
    lldp::add(subject, &mut inventory.interfaces)?;
    let disks: Vec<DiskFacts> = inventory
        .disks
        .iter()
        .cloned()
        .map(DiskFacts::from)
        .collect();
    let known = bootif.and_then(|bootif| boot_interface(&inventory.interfaces, bootif));
    let boot_interface = known.and_then(|interface| interface.mac_address.clone());
    Ok(InspectionData {
        root_disk: smallest_disk(&disks).map(|facts| facts.disk.clone()),
        boot_interface: boot_interface.or_else(|| bootif.map(mac_of_bootif)),
        inventory: Some(inventory),
        collector_failures,
        ..InspectionData::default()
    })
}
