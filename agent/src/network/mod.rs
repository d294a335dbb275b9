//! The machine's network interfaces: what they are, and waiting for them to have addresses.

mod interfaces;
pub(crate) mod ioctl;
mod speed;
pub(crate) mod vlan;
mod wait;

pub use interfaces::list_interfaces;
pub(crate) use interfaces::list_interfaces_in;
pub use wait::{wait_for_address, wait_for_interface};

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use ferric_agent_protocol::inventory::Interface;

/// Whether other machines can reach this address: not link-local, not the loopback's.
#[must_use]
pub fn is_routable(address: &IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_unspecified())
}

/// The address that packets to another one leave from. Connecting a UDP socket sends nothing; it only asks for the
/// route.
///
/// # Errors
/// When there is no route.
pub fn source_address(target: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = if target.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(target)?;
    Ok(socket.local_addr()?.ip())
}

/// The address by which an interface can be reached, IPv4 first.
#[must_use]
pub fn routable_address(interface: &Interface) -> Option<IpAddr> {
    let texts = [&interface.ipv4_address, &interface.ipv6_address];
    let addresses = texts
        .into_iter()
        .flatten()
        .filter_map(|text| text.parse().ok());
    addresses.into_iter().find(is_routable)
}

/// The interface that the machine was booted from. PXE writes `01-` and the MAC address, iPXE the address alone.
#[must_use]
pub fn boot_interface<'a>(interfaces: &'a [Interface], bootif: &str) -> Option<&'a Interface> {
    let mac = mac_of_bootif(bootif);
    interfaces
        .iter()
        .find(|interface| interface.mac_address.as_deref() == Some(mac.as_str()))
}

/// The MAC address in `BOOTIF`.
#[must_use]
pub fn mac_of_bootif(bootif: &str) -> String {
    let mac = bootif.to_lowercase().replace('-', ":");
    match mac.split_once(':') {
        // Six bytes and the type of the network before them.
        Some((_, address)) if mac.split(':').count() == 7 => address.to_owned(),
        _ => mac,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootif_is_understood_in_both_forms() {
        assert_eq!(mac_of_bootif("01-52-54-00-AB-CD-01"), "52:54:00:ab:cd:01");
        assert_eq!(mac_of_bootif("52:54:00:ab:cd:01"), "52:54:00:ab:cd:01");
        let interface = |mac: &str| Interface {
            mac_address: Some(mac.to_owned()),
            ..Interface::default()
        };
        let interfaces = [
            interface("52:54:00:00:00:01"),
            interface("52:54:00:ab:cd:01"),
        ];
        let found = boot_interface(&interfaces, "01-52-54-00-ab-cd-01");
        assert_eq!(found, Some(&interfaces[1]));
    }

    #[test]
    fn addresses_that_nobody_can_reach_do_not_count() {
        let of = |v4: Option<&str>, v6: Option<&str>| {
            let interface = Interface {
                ipv4_address: v4.map(str::to_owned),
                ipv6_address: v6.map(str::to_owned),
                ..Interface::default()
            };
            routable_address(&interface).map(|address| address.to_string())
        };
        assert_eq!(of(Some("169.254.1.1"), Some("fe80::1%eth0")), None);
        assert_eq!(
            of(Some("169.254.1.1"), Some("2001:db8::1")).as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(
            of(Some("192.0.2.1"), Some("2001:db8::1")).as_deref(),
            Some("192.0.2.1")
        );
    }
}
