//! `network_data.json` as OpenStack's metadata have it. Keys that mean nothing here are ignored.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) links: Vec<Link>,
    #[serde(default)]
    pub(super) networks: Vec<Network>,
    #[serde(default)]
    pub(super) services: Vec<Service>,
}

/// An interface: hardware, a bond, or a VLAN.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) id: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) ethernet_mac_address: Option<String>,
    pub(super) mtu: Option<u32>,
    pub(super) vlan_id: Option<u16>,
    /// The link that a VLAN is on.
    pub(super) vlan_link: Option<String>,
    pub(super) vlan_mac_address: Option<String>,
    #[serde(default)]
    pub(super) bond_links: Vec<String>,
    pub(super) bond_mode: Option<String>,
    /// Milliseconds.
    pub(super) bond_miimon: Option<u32>,
    pub(super) bond_xmit_hash_policy: Option<String>,
}

/// Addresses of a link.
#[derive(Debug, Deserialize)]
pub(super) struct Network {
    #[serde(default)]
    pub(super) id: String,
    /// `ipv4`, `ipv6`, or the way in which addresses are asked for.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) link: String,
    /// With or without the length of the prefix behind it.
    pub(super) ip_address: Option<String>,
    /// A mask, or the length of the prefix.
    pub(super) netmask: Option<String>,
    pub(super) gateway: Option<String>,
    #[serde(default)]
    pub(super) routes: Vec<Route>,
    #[serde(default)]
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Route {
    pub(super) network: String,
    pub(super) netmask: Option<String>,
    pub(super) gateway: String,
    #[serde(default)]
    pub(super) services: Vec<Service>,
}

/// Of the kinds that there are only `dns` matters.
#[derive(Debug, Deserialize)]
pub(super) struct Service {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) address: String,
}
