//! Which of the network interfaces that a ramdisk found become ports (Ironic's hook `validate-interfaces`).

use ferric_agent_protocol::inventory::Inventory;
use ferric_model::ids::MacAddress;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A network interface that can be a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usable {
    pub(super) name: String,
    pub(super) address: MacAddress,
    pub(super) client_id: Option<String>,
    /// The machine was booted from it.
    pub(super) booted: bool,
    /// It was given an IP address.
    pub(super) has_address: bool,
}

/// Those with a valid address, each address once. The loopback interface is none.
pub(super) fn usable(inventory: &Inventory) -> Vec<Usable> {
    let booted = inventory
        .boot
        .pxe_interface
        .as_deref()
        .and_then(boot_address);
    let mut seen = BTreeSet::new();
    let mut usable = Vec::new();
    for interface in &inventory.interfaces {
        let address = interface
            .mac_address
            .as_deref()
            .and_then(|text| text.parse::<MacAddress>().ok());
        let ip = [&interface.ipv4_address, &interface.ipv6_address];
        let ip = ip.into_iter().flatten().find(|text| !text.is_empty());
        let local = ip.is_some_and(|text| text.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()));
        let Some(address) = address.filter(|_| interface.name != "lo" && !local) else {
            continue;
        };
        if seen.insert(address.clone()) {
            let booted = booted.as_ref() == Some(&address);
            let (name, client_id) = (interface.name.clone(), interface.client_id.clone());
            usable.push(Usable {
                name,
                address,
                client_id,
                booted,
                has_address: ip.is_some(),
            });
        }
    }
    usable
}

/// `BOOTIF` as PXELINUX writes it, with the hardware type in front (`01-52-54-..`), or as iPXE does, without.
fn boot_address(text: &str) -> Option<MacAddress> {
    let without_type = text.strip_prefix("01-").filter(|rest| rest.len() == 17);
    without_type.unwrap_or(text).parse().ok()
}
