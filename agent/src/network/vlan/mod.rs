//! VLAN interfaces that the operator wants the ramdisk to have: `eth0.100` and `52:54:00:00:00:01.100`.

mod ioctl;

use std::collections::BTreeSet;
use std::path::Path;

use ferric_agent_protocol::inventory::Interface;

use super::list_interfaces;
use crate::host::SystemPermit;
use crate::network;

/// Numbers that a VLAN may have.
const NUMBERS: std::ops::RangeInclusive<u16> = 1..=4094;

/// An interface to be made: on which one, and with which number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Vlan {
    parent: String,
    number: u16,
}

/// Why there is no interface for an entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum VlanError {
    #[error(
        "{0} has no number; finding out by LLDP which VLANs there are is not what this agent does"
    )]
    NoNumber(String),
    #[error("{0} does not end with a number between 1 and 4094")]
    Number(String),
    #[error("{0} is on no interface of this machine")]
    Parent(String),
}

/// Adds the interfaces and brings them up. One that cannot be had is told of in the log and keeps nobody waiting.
pub(crate) fn add(permit: &SystemPermit, entries: &[String]) {
    let interfaces = list_interfaces().unwrap_or_default();
    let (wanted, errors) = plan(entries, &interfaces);
    for error in &errors {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "a VLAN interface is not added");
    }
    for vlan in wanted {
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

/// What the entries mean on a machine with these interfaces; each interface once.
fn plan(entries: &[String], interfaces: &[Interface]) -> (BTreeSet<Vlan>, Vec<VlanError>) {
    let mut wanted = BTreeSet::new();
    let mut errors = Vec::new();
    for entry in entries {
        match understand(entry, interfaces) {
            Ok(vlan) => {
                wanted.insert(vlan);
            }
            Err(error) => errors.push(error),
        }
    }
    (wanted, errors)
}

fn understand(entry: &str, interfaces: &[Interface]) -> Result<Vlan, VlanError> {
    let parts = entry.rsplit_once('.');
    let (parent, number) = parts.ok_or_else(|| VlanError::NoNumber(entry.to_owned()))?;
    let number = number
        .parse()
        .ok()
        .filter(|number| NUMBERS.contains(number));
    let number = number.ok_or_else(|| VlanError::Number(entry.to_owned()))?;
    let mac = parent.to_lowercase();
    let is_parent =
        |nic: &&Interface| nic.name == parent || nic.mac_address.as_deref() == Some(mac.as_str());
    let parent = interfaces.iter().find(is_parent);
    let parent = parent.ok_or_else(|| VlanError::Parent(entry.to_owned()))?;
    Ok(Vlan {
        parent: parent.name.clone(),
        number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces() -> Vec<Interface> {
        let nic = |name: &str, mac: &str| Interface {
            name: name.to_owned(),
            mac_address: Some(mac.to_owned()),
            ..Interface::default()
        };
        vec![
            nic("eth0", "52:54:00:00:00:01"),
            nic("eth0.7", "52:54:00:00:00:01"),
            nic("eth1", "52:54:00:00:00:0a"),
        ]
    }

    #[test]
    fn names_and_addresses_are_understood() {
        let check = |entry: &str, expected: Result<&str, VlanError>| {
            let found = understand(entry, &interfaces()).map(|vlan| vlan.name());
            assert_eq!(found, expected.map(str::to_owned), "{entry}");
        };
        let owned = str::to_owned;
        check("eth0.100", Ok("eth0.100"));
        check("52:54:00:00:00:0A.4094", Ok("eth1.4094"));
        check("eth0.7.8", Ok("eth0.7.8"));
        check("eth1", Err(VlanError::NoNumber(owned("eth1"))));
        check("all", Err(VlanError::NoNumber(owned("all"))));
        // Whoever starts again finds it there.
        check("eth0.7", Ok("eth0.7"));
        check("eth0.0", Err(VlanError::Number(owned("eth0.0"))));
        check("eth0.4095", Err(VlanError::Number(owned("eth0.4095"))));
        check("eth0.x", Err(VlanError::Number(owned("eth0.x"))));
        check("eth9.5", Err(VlanError::Parent(owned("eth9.5"))));
        check("", Err(VlanError::NoNumber(owned(""))));
    }

    #[test]
    fn each_interface_is_made_once_and_what_is_wrong_is_told() {
        let entries = ["eth0.5", "52:54:00:00:00:01.5", "nonsense", "eth1.6"];
        let (wanted, errors) = plan(&entries.map(str::to_owned), &interfaces());
        let names: Vec<String> = wanted.iter().map(Vlan::name).collect();
        assert_eq!(names, ["eth0.5", "eth1.6"]);
        assert_eq!(errors.len(), 1);
    }
}
