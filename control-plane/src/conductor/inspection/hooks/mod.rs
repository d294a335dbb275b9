//! Inspection hooks: each turns a part of what a ramdisk found into the node's properties, ports or plugin data. Which
//! ones run, and in which order, is the operator's choice (`[inspection] hooks`); the names are Ironic's.

mod accelerators;
mod architecture;
mod boot_mode;
mod cpu_capabilities;
mod cpus;
mod extra_hardware;
mod local_link_connection;
mod memory;
mod parse_lldp;
mod pci_devices;
mod physical_network;
mod ports;
mod raid_device;
mod ramdisk_error;
pub(super) mod root_device;
mod validate_interfaces;

use super::InspectionError;
use super::interfaces::Usable;
use crate::config::{Hook, Inspection};
use ferric_agent_protocol::inventory::Inventory;
use ferric_model::capabilities::Capabilities;
use ferric_model::ids::MacAddress;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the hooks are given.
#[derive(Clone, Copy)]
pub(in crate::conductor) struct Context<'a> {
    pub(in crate::conductor) settings: &'a Inspection,
    /// Addresses that are ports of other nodes.
    pub(in crate::conductor) taken: &'a BTreeSet<MacAddress>,
    /// What the inspection before this one found.
    pub(in crate::conductor) previous: Option<&'a StoredInventory>,
    pub(in crate::conductor) new_id: &'a dyn Fn() -> Uuid,
    pub(in crate::conductor) now: Timestamp,
}

/// What hooks look at and change.
pub(super) struct Findings<'a> {
    pub(super) context: Context<'a>,
    pub(super) inventory: Inventory,
    /// The same as it came.
    pub(super) raw: Object,
    pub(super) plugin_data: Object,
    pub(super) node: Node,
    /// As they are to be.
    pub(super) ports: Vec<Port>,
    /// To be deleted.
    pub(super) gone: Vec<Port>,
    /// Network interfaces that can be ports, and those that are to become some.
    pub(super) interfaces: Vec<Usable>,
    pub(super) valid: Vec<Usable>,
    /// For the timeline.
    pub(super) notes: Vec<String>,
}

impl Findings<'_> {
    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn set_property(&mut self, name: &str, value: impl Into<Value>) {
        self.node.properties.insert(name.to_owned(), value.into());
    }

    /// Capabilities that are not of the form are the operator's to put right.
    fn set_capabilities(&mut self, added: &[(String, String)]) {
        let edited = Capabilities::of(&self.node.properties).and_then(|mut capabilities| {
            for (name, value) in added {
                capabilities.set(name, value)?;
            }
            Ok(capabilities)
        });
        match edited {
            Ok(capabilities) => capabilities.store(&mut self.node.properties),
            Err(problem) => self.note(format!("capabilities are left as they are: {problem}")),
        }
    }

    /// The interface as it came, with the port of its address.
    fn port_of(&mut self, address: &MacAddress) -> Option<&mut Port> {
        self.ports.iter_mut().find(|port| port.address == *address)
    }

    /// Interfaces as they came, by name and address of those that can be ports.
    fn raw_interfaces(&self) -> Vec<(String, MacAddress, Value)> {
        let raw = self.raw.get("interfaces").and_then(Value::as_array);
        let raw = raw.map(Vec::as_slice).unwrap_or_default();
        let of = |interface: &Usable| {
            let same = |raw: &&Value| raw["name"].as_str() == Some(&interface.name);
            let raw = raw.iter().find(same)?;
            Some((
                interface.name.clone(),
                interface.address.clone(),
                raw.clone(),
            ))
        };
        self.interfaces.iter().filter_map(of).collect()
    }
}

/// Runs them: first what prepares or refuses the data, then the others.
pub(super) fn run(findings: &mut Findings<'_>) -> Result<(), InspectionError> {
    let hooks = &findings.context.settings.hooks;
    for hook in hooks {
        match hook {
            Hook::RamdiskError => ramdisk_error::prepare(findings)?,
            Hook::ValidateInterfaces => validate_interfaces::prepare(findings)?,
            _ => {}
        }
    }
    for hook in hooks {
        match hook {
            Hook::RamdiskError | Hook::ValidateInterfaces => {}
            Hook::Ports => ports::run(findings),
            Hook::Architecture => architecture::run(findings),
            Hook::Accelerators => accelerators::run(findings),
            Hook::BootMode => boot_mode::run(findings),
            Hook::CpuCapabilities => cpu_capabilities::run(findings),
            Hook::Cpus => cpus::run(findings),
            Hook::ExtraHardware => extra_hardware::run(findings),
            Hook::LocalLinkConnection => local_link_connection::run(findings),
            Hook::Memory => memory::run(findings),
            Hook::ParseLldp => parse_lldp::run(findings),
            Hook::PciDevices => pci_devices::run(findings),
            Hook::PhysicalNetwork => physical_network::run(findings),
            Hook::RaidDevice => raid_device::run(findings),
            Hook::RootDevice => root_device::run(findings),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
