//! Interfaces as the inventory lists them, from sysfs, the kernel's address list and ethtool's ioctl.
//!
//! An interface counts if it is hardware, a bond or a VLAN; bridges, tunnels and the loopback do not.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use ferric_agent_protocol::inventory::Interface;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use super::{ioctl, speed};

const SYS_CLASS_NET: &str = "/sys/class/net";

/// PCI vendor of InfiniBand adapters whose addresses follow Mellanox' form.
const MELLANOX: &str = "0x15b3";

/// All interfaces by name.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn list_interfaces() -> std::io::Result<Vec<Interface>> {
    list_interfaces_in(Path::new(SYS_CLASS_NET))
}

/// The interfaces that a folder like `/sys/class/net` has; what only the kernel knows of them is asked for by name.
pub(crate) fn list_interfaces_in(directory: &Path) -> std::io::Result<Vec<Interface>> {
    let addresses = addresses();
    let mut interfaces = list_in(directory)?;
    for interface in &mut interfaces {
        let permanent = ioctl::permanent_address(&interface.name);
        if let Some(permanent) = permanent.filter(|mac| is_ethernet(mac)) {
            interface.mac_address = Some(permanent);
        }
        let modes = ioctl::supported_modes(&interface.name);
        let fastest = modes.and_then(|modes| speed::fastest(&modes));
        // A newer kernel may have modes whose names this agent does not know.
        interface.speed_mbps = fastest.max(interface.speed_mbps);
        let own = addresses.get(&interface.name);
        interface.ipv4_address = own.and_then(|own| own.v4.clone());
        interface.ipv6_address = own.and_then(|own| own.v6.clone());
    }
    // Some servers show the BMC's own interface with such an address, the same one on each of them.
    interfaces.retain(|interface| !has_prefix(interface, "fa:"));
    // Ironic refuses a whole lookup for one address that is none.
    interfaces.retain(|interface| interface.mac_address.as_deref().is_some_and(is_ethernet));
    Ok(interfaces)
}

/// Six bytes, not all of them zero.
fn is_ethernet(mac: &str) -> bool {
    let bytes: Vec<&str> = mac.split(':').collect();
    let is_byte =
        |text: &&str| text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    bytes.len() == 6 && bytes.iter().all(is_byte) && bytes.iter().any(|byte| *byte != "00")
}

fn has_prefix(interface: &Interface, prefix: &str) -> bool {
    interface
        .mac_address
        .as_deref()
        .is_some_and(|mac| mac.starts_with(prefix))
}

fn list_in(directory: &Path) -> std::io::Result<Vec<Interface>> {
    let mut names: Vec<String> = fs::read_dir(directory)?
        .flatten()
        .filter(|entry| counts(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names
        .iter()
        .map(|name| read(&directory.join(name), name))
        .collect())
}

fn counts(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let vlan = name.rsplit_once('.').map(|(_, id)| id);
    let is_vlan =
        vlan.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    path.join("device").exists() || path.join("bonding").exists() || is_vlan
}

/// What sysfs alone can tell.
fn read(path: &Path, name: &str) -> Interface {
    let text = |file: &str| {
        let text = fs::read_to_string(path.join(file)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let link = |file: &str| {
        let target = fs::read_link(path.join(file)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    };
    let mut interface = Interface {
        name: name.to_owned(),
        mac_address: text("address"),
        // Reading the carrier of an interface that is down is an error.
        has_carrier: Some(text("carrier").as_deref() == Some("1")),
        vendor: text("device/vendor"),
        product: text("device/device"),
        speed_mbps: text("speed").and_then(|speed| speed.parse().ok()),
        pci_address: link("device"),
        driver: link("device/driver"),
        ..Interface::default()
    };
    if interface.vendor.as_deref() == Some(MELLANOX) {
        use_infiniband_address(&mut interface);
    }
    interface
}

/// An InfiniBand address has 20 bytes; the port's GUID in it gives the MAC address and the DHCP client id.
fn use_infiniband_address(interface: &mut Interface) {
    let Some(address) = interface
        .mac_address
        .clone()
        .filter(|text| text.len() == 59 && text.is_ascii())
    else {
        return;
    };
    let guid = &address[36..];
    interface.mac_address = Some(format!("{}{}", &guid[..9], &guid[15..]));
    interface.client_id = Some(format!("ff:00:00:00:00:00:02:00:00:02:c9:00:{guid}"));
}

#[derive(Default)]
struct Addresses {
    v4: Option<String>,
    v6: Option<String>,
}

/// The first address of each family; one of IPv6 that is link-local has its interface behind it.
fn addresses() -> HashMap<String, Addresses> {
    let mut all: HashMap<String, Addresses> = HashMap::new();
    let Ok(list) = getifaddrs() else {
        return all;
    };
    for entry in list.filter(|entry| !entry.flags.contains(InterfaceFlags::IFF_LOOPBACK)) {
        let Some(address) = entry.address else {
            continue;
        };
        let own = all.entry(entry.interface_name.clone()).or_default();
        if let Some(address) = address.as_sockaddr_in() {
            own.v4.get_or_insert_with(|| address.ip().to_string());
        } else if let Some(address) = address.as_sockaddr_in6() {
            let text = with_scope(IpAddr::V6(address.ip()), &entry.interface_name);
            own.v6.get_or_insert(text);
        }
    }
    all
}

fn with_scope(address: IpAddr, interface: &str) -> String {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => format!("{v6}%{interface}"),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sched::{CloneFlags, unshare};
    use serde_json::Value;

    use super::*;
    use crate::run::run;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn hardware_bonds_and_vlans_count() {
        let directory = tempfile::tempdir().unwrap();
        let net = directory.path();
        write(&net.join("lo/address"), "00:00:00:00:00:00\n");
        write(&net.join("br0/address"), "52:54:00:00:00:09\n");
        write(&net.join("bond0/bonding/mode"), "802.3ad\n");
        write(&net.join("eth0.100/address"), "52:54:00:00:00:01\n");
        let pci = net.join("pci/0000:00:03.0");
        write(&pci.join("vendor"), "0x8086\n");
        write(&pci.join("device"), "0x1572\n");
        symlink("../drivers/i40e", pci.join("driver")).unwrap();
        write(&net.join("eth0/address"), "52:54:00:00:00:01\n");
        write(&net.join("eth0/carrier"), "1\n");
        write(&net.join("eth0/speed"), "-1\n");
        symlink(&pci, net.join("eth0/device")).unwrap();
        let found = list_in(net).unwrap();
        let names: Vec<&str> = found
            .iter()
            .map(|interface| interface.name.as_str())
            .collect();
        assert_eq!(names, ["bond0", "eth0", "eth0.100"]);
        let expected = Interface {
            name: "eth0".to_owned(),
            mac_address: Some("52:54:00:00:00:01".to_owned()),
            has_carrier: Some(true),
            vendor: Some("0x8086".to_owned()),
            product: Some("0x1572".to_owned()),
            pci_address: Some("0000:00:03.0".to_owned()),
            driver: Some("i40e".to_owned()),
            ..Interface::default()
        };
        assert_eq!(found[1], expected);
    }

    /// What is called like a VLAN counts, whatever it is; its network is one of the test's own.
    #[test]
    fn addresses_are_those_that_ip_shows() {
        unshare(CloneFlags::CLONE_NEWNET).expect(
            "this test makes a network namespace, and must be run as root on a kernel that has them",
        );
        let ip = |line: &str| {
            let arguments: Vec<&str> = line.split_whitespace().collect();
            let output = run("ip", &arguments);
            output.expect("this test needs iproute2, and a kernel with veth and IPv6")
        };
        ip("link add name nic0.7 type veth peer name far");
        for name in ["far", "nic0.7"] {
            ip(&format!("link set {name} up"));
        }
        for address in ["192.0.2.7/24", "192.0.2.8/24", "2001:db8::7/64"] {
            ip(&format!("addr add {address} dev nic0.7"));
        }
        let shown = ip("-j addr show dev nic0.7").stdout;
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        let first = |family: &str| {
            let mut all = shown[0]["addr_info"].as_array().unwrap().iter();
            let one = all.find(|one| one["family"] == family)?;
            Some(one["local"].as_str()?.to_owned())
        };
        let directory = tempfile::tempdir().unwrap();
        let mac = shown[0]["address"].as_str().unwrap();
        write(&directory.path().join("nic0.7/address"), mac);
        let found = list_interfaces_in(directory.path()).unwrap();
        let found = found.first().unwrap();
        assert_eq!(found.mac_address.as_deref(), Some(mac));
        assert_eq!(found.ipv4_address, first("inet"));
        assert_eq!(found.ipv6_address, first("inet6"));
        let (v4, v6) = (found.ipv4_address.as_deref(), found.ipv6_address.as_deref());
        assert_eq!((v4, v6), (Some("192.0.2.7"), Some("2001:db8::7")));
    }

    #[test]
    fn infiniband_addresses_become_ethernet_ones() {
        let mut interface = Interface {
            mac_address: Some(
                "a0:00:02:20:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:c7:9f:76".to_owned(),
            ),
            ..Interface::default()
        };
        use_infiniband_address(&mut interface);
        assert_eq!(interface.mac_address.as_deref(), Some("e4:1d:2d:c7:9f:76"));
        let client_id = "ff:00:00:00:00:00:02:00:00:02:c9:00:e4:1d:2d:03:00:c7:9f:76";
        assert_eq!(interface.client_id.as_deref(), Some(client_id));
    }

    #[test]
    fn only_six_bytes_that_are_not_all_zero_are_an_address() {
        assert!(is_ethernet("52:54:00:00:00:09"));
        for wrong in [
            "",
            "00:00:00:00:00:00",
            "52:54:00:00:00",
            "52:54:00:00:00:09:01",
            "52:54:00:00:00:0x",
            "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:c7:9f:76",
        ] {
            assert!(!is_ethernet(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_interfaces_of_this_machine_can_be_listed() {
        list_interfaces().unwrap();
    }
}
