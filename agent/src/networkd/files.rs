//! The files of systemd-networkd that a document stands for: systemd.network(5) and systemd.netdev(5).

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::NetworkDataError;
use super::address::{Prefixed, mac};
use super::document::{Document, Link, Network, Service};

/// One file, with the end of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkFile {
    pub(super) name: String,
    pub(super) text: String,
}

/// Modes of bonds, by the kernel's numbers.
const BOND_MODES: [&str; 7] = [
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
];
const HASH_POLICIES: [&str; 5] = ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"];

/// What kind of interface a link is, with the name that it gets unless the hardware has one.
enum Kind {
    Hardware,
    Bond(String),
    Vlan(String),
}

fn kind(index: usize, link: &Link) -> Result<Kind, NetworkDataError> {
    match link.kind.as_str() {
        "bond" => Ok(Kind::Bond(format!("bond{index}"))),
        "vlan" => {
            let number = link.vlan_id.filter(|number| (1..=4094).contains(number));
            let number = number.ok_or_else(|| wrong("vlan_id", link, ""))?;
            // A number behind a dot is how the agent knows a VLAN.
            Ok(Kind::Vlan(format!("vlan{index}.{number}")))
        }
        _ => Ok(Kind::Hardware),
    }
}

fn wrong(what: &'static str, link: &Link, value: &str) -> NetworkDataError {
    NetworkDataError::Value {
        what,
        of: format!("the link {}", link.id),
        value: value.to_owned(),
    }
}

/// All files, in the order of the links.
pub(super) fn of(document: &Document) -> Result<Vec<NetworkFile>, NetworkDataError> {
    let has = |id: &str| document.links.iter().any(|link| link.id == id);
    let mut named = Vec::new();
    for link in &document.links {
        named.extend(&link.bond_links);
        named.extend(&link.vlan_link);
    }
    named.extend(document.networks.iter().map(|network| &network.link));
    if let Some(id) = named.into_iter().find(|id| !has(id.as_str())) {
        return Err(NetworkDataError::NoLink(id.clone()));
    }
    let mut files = Vec::new();
    for (index, link) in document.links.iter().enumerate() {
        let kind = kind(index, link)?;
        files.extend(device(index, link, &kind)?);
        files.push(network(index, link, &kind, document)?);
    }
    Ok(files)
}

/// What networkd makes an interface from.
fn device(index: usize, link: &Link, kind: &Kind) -> Result<Option<NetworkFile>, NetworkDataError> {
    let (name, kind_name, own_mac, rest) = match kind {
        Kind::Hardware => return Ok(None),
        Kind::Bond(name) => (name, "bond", &link.ethernet_mac_address, bond(link)?),
        Kind::Vlan(name) => {
            let number = link.vlan_id.unwrap_or_default();
            let rest = format!("\n[VLAN]\nId={number}\n");
            (name, "vlan", &link.vlan_mac_address, rest)
        }
    };
    let mut text = format!("[NetDev]\nName={name}\nKind={kind_name}\n");
    if let Some(own) = own_mac {
        let address = mac(own).ok_or_else(|| wrong("the MAC address", link, own))?;
        line(&mut text, "MACAddress", &address);
    }
    text.push_str(&rest);
    Ok(Some(NetworkFile {
        name: format!("{index:03}.netdev"),
        text,
    }))
}

fn bond(link: &Link) -> Result<String, NetworkDataError> {
    let mut text = "\n[Bond]\n".to_owned();
    if let Some(mode) = &link.bond_mode {
        let by_number = mode
            .parse()
            .ok()
            .and_then(|number: usize| BOND_MODES.get(number));
        let known = by_number.or_else(|| BOND_MODES.iter().find(|known| *known == mode));
        line(
            &mut text,
            "Mode",
            known.ok_or_else(|| wrong("bond_mode", link, mode))?,
        );
    }
    if let Some(policy) = &link.bond_xmit_hash_policy {
        let known = HASH_POLICIES.iter().find(|known| *known == policy);
        let known = known.ok_or_else(|| wrong("bond_xmit_hash_policy", link, policy))?;
        line(&mut text, "TransmitHashPolicy", known);
    }
    if let Some(miimon_ms) = link.bond_miimon {
        line(&mut text, "MIIMonitorSec", &format!("{miimon_ms}ms"));
    }
    Ok(text)
}

fn network(
    index: usize,
    link: &Link,
    kind: &Kind,
    document: &Document,
) -> Result<NetworkFile, NetworkDataError> {
    let mut text = match kind {
        Kind::Hardware => {
            let own = link.ethernet_mac_address.as_deref().unwrap_or_default();
            let address = mac(own).ok_or_else(|| wrong("ethernet_mac_address", link, own))?;
            // What is made on top of hardware has its address too.
            format!("[Match]\nMACAddress={address}\nType=ether\nKind=!*\n")
        }
        Kind::Bond(name) | Kind::Vlan(name) => format!("[Match]\nName={name}\n"),
    };
    text.push_str("\n[Link]\nRequiredForOnline=no\n");
    if let Some(mtu) = link.mtu {
        line(&mut text, "MTUBytes", &mtu.to_string());
    }
    text.push_str("\n[Network]\n");
    for (other_index, other) in document.links.iter().enumerate() {
        match self::kind(other_index, other)? {
            Kind::Bond(name) if other.bond_links.contains(&link.id) => {
                line(&mut text, "Bond", &name)
            }
            Kind::Vlan(name) if other.vlan_link.as_ref() == Some(&link.id) => {
                line(&mut text, "VLAN", &name);
            }
            _ => {}
        }
    }
    let networks = document.networks.iter();
    let networks: Vec<&Network> = networks.filter(|network| network.link == link.id).collect();
    let mut routes = String::new();
    addresses(&mut text, &networks)?;
    for network in &networks {
        static_parts(&mut text, &mut routes, network)?;
    }
    if !networks.is_empty() {
        name_servers(&mut text, &networks, &document.services)?;
    }
    text.push_str(&routes);
    Ok(NetworkFile {
        name: format!("{index:03}.network"),
        text,
    })
}

/// How addresses are asked for; not at all where all of them are known.
fn addresses(text: &mut String, networks: &[&Network]) -> Result<(), NetworkDataError> {
    let (mut v4, mut v6, mut announced) = (false, false, false);
    for network in networks {
        match network.kind.as_str() {
            "ipv4" | "ipv6" => {}
            "ipv4_dhcp" => v4 = true,
            "ipv6_slaac" => announced = true,
            "ipv6_dhcp" | "ipv6_dhcpv6-stateful" | "ipv6_dhcpv6-stateless" => {
                (v6, announced) = (true, true);
            }
            other => return Err(wrong_network("the type", network, other)),
        }
    }
    let dhcp = match (v4, v6) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    line(text, "DHCP", dhcp);
    line(text, "IPv6AcceptRA", if announced { "yes" } else { "no" });
    Ok(())
}

fn wrong_network(what: &'static str, network: &Network, value: &str) -> NetworkDataError {
    NetworkDataError::Value {
        what,
        of: format!("the network {}", network.id),
        value: value.to_owned(),
    }
}

/// The address, and the routes, whose sections come behind all else.
fn static_parts(
    text: &mut String,
    routes: &mut String,
    network: &Network,
) -> Result<(), NetworkDataError> {
    if matches!(network.kind.as_str(), "ipv4" | "ipv6") {
        let own = network.ip_address.as_deref().unwrap_or_default();
        let address = Prefixed::parse(own, network.netmask.as_deref());
        let address = address.ok_or_else(|| wrong_network("ip_address", network, own))?;
        line(text, "Address", &address.to_string());
    }
    if let Some(gateway) = &network.gateway {
        let gateway = ip(gateway).ok_or_else(|| wrong_network("the gateway", network, gateway))?;
        line(text, "Gateway", &gateway.to_string());
    }
    for route in &network.routes {
        let to = Prefixed::parse(&route.network, route.netmask.as_deref());
        let to = to.ok_or_else(|| wrong_network("a route", network, &route.network))?;
        let gateway = ip(&route.gateway);
        let gateway = gateway.ok_or_else(|| wrong_network("a route", network, &route.gateway))?;
        routes.push_str("\n[Route]\n");
        line(routes, "Destination", &to.to_string());
        line(routes, "Gateway", &gateway.to_string());
    }
    Ok(())
}

/// Those of the networks, and those of all networks; each once.
fn name_servers(
    text: &mut String,
    networks: &[&Network],
    all: &[Service],
) -> Result<(), NetworkDataError> {
    let mut told = BTreeSet::new();
    for network in networks {
        let of_routes = network.routes.iter().flat_map(|route| &route.services);
        let services = network.services.iter().chain(of_routes).chain(all);
        for service in services.filter(|service| service.kind == "dns") {
            let address = ip(&service.address);
            let address =
                address.ok_or_else(|| wrong_network("a name server", network, &service.address))?;
            if told.insert(address) {
                line(text, "DNS", &address.to_string());
            }
        }
    }
    Ok(())
}

fn ip(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok()
}

fn line(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{key}={value}\n"));
}
