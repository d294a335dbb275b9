//! VLAN interfaces that the operator wants the ramdisk to have: `eth0.100` and `52:54:00:00:00:01.100`, or `eth0` and
//! `all`, for which the switches say by LLDP what VLANs there are.

mod ioctl;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use ferric_agent_protocol::inventory::Interface;

use super::list_interfaces;
use crate::host::SystemPermit;
use crate::lldp::{Heard, listen, stop_firmware};
use crate::network;

/// Numbers that a VLAN may have.
pub(crate) const NUMBERS: std::ops::RangeInclusive<u16> = 1..=4094;
/// The entry that stands for each interface of the hardware.
const ALL: &str = "all";
/// The type of LLDP's TLVs that are an organisation's own, and "VLAN Name" among those of IEEE 802.1 (802.1Q, D.2.3).
/// The VLAN of frames without a tag has a TLV of its own, and needs no interface.
const ORGANISATION: u16 = 127;
const VLAN_NAME: &str = "0080c203";

/// An interface to be made: on which one, and with which number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Vlan {
    parent: String,
    number: u16,
}

/// Why there is no interface for an entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum VlanError {
    #[error("{0} does not end with a number between 1 and 4094")]
    Number(String),
    #[error("{0} is on no interface of this machine")]
    Parent(String),
    #[error("{0} is no interface of this machine, nor \"all\"")]
    Unknown(String),
    #[error("no switch at {0} says by LLDP what VLANs there are")]
    Untold(String),
}

/// Adds the interfaces and brings them up. One that cannot be had is told of in the log and keeps nobody waiting;
/// switches are listened to for as long as `limit`, where an entry needs that. Blocks its thread.
pub(crate) fn add(permit: &SystemPermit, entries: &[String], limit: Duration) {
    let interfaces = list_interfaces().unwrap_or_default();
    let mut plan = Plan::of(entries, &interfaces);
    if !plan.asked.is_empty() {
        let is_asked = |nic: &Interface| plan.asked.contains(&nic.name);
        let asked: Vec<Interface> = interfaces.into_iter().filter(is_asked).collect();
        stop_firmware(permit);
        plan.hear(&listen(&asked, Some(permit), limit));
    }
    for error in &plan.errors {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "a VLAN interface is not added");
    }
    for vlan in plan.vlans {
        let name = vlan.name();
        match make(permit, &vlan) {
            Ok(()) => tracing::info!(name, "a VLAN interface is there"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, name, "adding a VLAN interface");
            }
        }
    }
}

fn make(permit: &SystemPermit, vlan: &Vlan) -> std::io::Result<()> {
    let name = vlan.name();
    // A VLAN cannot be up on an interface that is down.
    network::ioctl::bring_up(permit, &vlan.parent)?;
    if !Path::new("/sys/class/net").join(&name).exists() {
        ioctl::add(permit, &vlan.parent, vlan.number)?;
    }
    network::ioctl::bring_up(permit, &name)
}

impl Vlan {
    fn name(&self) -> String {
        format!("{}.{}", self.parent, self.number)
    }
}

/// What the entries mean on a machine.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Each interface once.
    vlans: BTreeSet<Vlan>,
    /// The interfaces whose switches are to say what VLANs there are.
    asked: BTreeSet<String>,
    errors: Vec<VlanError>,
}

impl Plan {
    fn of(entries: &[String], interfaces: &[Interface]) -> Self {
        let mut plan = Self::default();
        for entry in entries {
            let taken = match entry.rsplit_once('.') {
                Some((parent, number)) => plan.take_numbered(entry, (parent, number), interfaces),
                None => plan.take_plain(entry, interfaces),
            };
            plan.errors.extend(taken.err());
        }
        plan
    }

    fn take_numbered(
        &mut self,
        entry: &str,
        (parent, number): (&str, &str),
        interfaces: &[Interface],
    ) -> Result<(), VlanError> {
        let number = number
            .parse()
            .ok()
            .filter(|number| NUMBERS.contains(number));
        let number = number.ok_or_else(|| VlanError::Number(entry.to_owned()))?;
        let parent = find(parent, interfaces);
        let parent = parent.ok_or_else(|| VlanError::Parent(entry.to_owned()))?;
        self.vlans.insert(Vlan {
            parent: parent.name.clone(),
            number,
        });
        Ok(())
    }

    fn take_plain(&mut self, entry: &str, interfaces: &[Interface]) -> Result<(), VlanError> {
        if entry == ALL {
            // Only hardware hears switches.
            let hardware = interfaces.iter().filter(|nic| nic.pci_address.is_some());
            self.asked.extend(hardware.map(|nic| nic.name.clone()));
            return Ok(());
        }
        let found = find(entry, interfaces);
        let found = found.ok_or_else(|| VlanError::Unknown(entry.to_owned()))?;
        self.asked.insert(found.name.clone());
        Ok(())
    }

    /// Adds the VLANs that switches have told of.
    fn hear(&mut self, heard: &Heard) {
        for parent in &self.asked {
            let numbers = heard.get(parent).map(|tlvs| told(tlvs)).unwrap_or_default();
            if numbers.is_empty() {
                self.errors.push(VlanError::Untold(parent.clone()));
            }
            self.vlans.extend(numbers.into_iter().map(|number| Vlan {
                parent: parent.clone(),
                number,
            }));
        }
    }
}

/// The interface of this name or MAC address.
fn find<'a>(text: &str, interfaces: &'a [Interface]) -> Option<&'a Interface> {
    let mac = text.to_lowercase();
    let is_it =
        |nic: &&Interface| nic.name == text || nic.mac_address.as_deref() == Some(mac.as_str());
    interfaces.iter().find(is_it)
}

/// The VLANs that have names, in what a switch says.
pub(crate) fn told(tlvs: &[(u16, String)]) -> BTreeSet<u16> {
    let number = |(kind, value): &(u16, String)| {
        let digits = value.strip_prefix(VLAN_NAME)?.get(..4)?;
        let number = u16::from_str_radix(digits, 16).ok()?;
        (*kind == ORGANISATION && NUMBERS.contains(&number)).then_some(number)
    };
    tlvs.iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests;
