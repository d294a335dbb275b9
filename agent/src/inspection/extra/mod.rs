//! `extra-hardware`: a list of `[group, item, attribute, value]`, as the Python package `hardware` makes it of what a
//! dozen programs print. Here it comes from the kernel and the firmware.
//!
//! Left out are what those programs know alone (RAID adapters, sensors, features of network interfaces), benchmarks,
//! and SMART, which `disk-health` tells of. Names of PCI devices are numbers.

mod cpu;
mod disks;
mod memory;
mod network;
mod system;
#[cfg(test)]
mod tests;

use ferric_agent_protocol::inspection::InspectionData;
use serde::Serialize;
use serde_json::Value;

use super::Subject;
use super::collector::{CollectError, keyed};
use crate::inventory::smbios::Smbios;

/// One fact; it is sent as an array.
#[derive(Debug, PartialEq, Serialize)]
struct Fact(&'static str, String, String, Value);

/// What has been found so far.
#[derive(Debug, Default, Serialize)]
struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, group: &'static str, item: &str, attribute: &str, value: impl Into<Value>) {
        let (item, attribute) = (item.to_owned(), attribute.to_owned());
        self.0.push(Fact(group, item, attribute, value.into()));
    }

    /// Nothing is added of what is not known.
    fn maybe(
        &mut self,
        group: &'static str,
        item: &str,
        attribute: &str,
        value: Option<impl Into<Value>>,
    ) {
        if let Some(value) = value {
            self.add(group, item, attribute, value);
        }
    }
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    let tree = subject.host.tree();
    let smbios = Smbios::read(&tree.path("sys/firmware/dmi/tables/DMI"));
    let mut facts = Facts::default();
    disks::add(&mut facts, &subject.host)?;
    system::add(&mut facts, tree, &smbios);
    memory::add(&mut facts, tree, &smbios);
    network::add(&mut facts, tree);
    cpu::add(&mut facts, tree);
    system::add_kernel(&mut facts, tree, subject.token.as_ref());
    Ok(keyed("data", &facts))
}
