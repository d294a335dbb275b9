//! `network_data`: the instance's network as OpenStack's metadata has it, checked before a machine is given it.
//!
//! What is not known is let through, as the published schema does; what is known must have its type.

use crate::api::error::{ApiError, ApiResult};
use crate::api::shape::mac_address;
use ferric_model::node::Object;
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};

const PHYSICAL: &[&str] = &[
    "bridge",
    "dvs",
    "hw_veb",
    "hyperv",
    "ovs",
    "tap",
    "vhostuser",
    "vif",
    "phy",
];

/// Empty, or all three parts with good items.
pub(super) fn check(data: &Object) -> ApiResult<()> {
    if data.is_empty() {
        return Ok(());
    }
    let part = |name: &str, item: fn(&Value) -> Result<(), String>| {
        let list = data.get(name).and_then(Value::as_array);
        let list = list.ok_or_else(|| invalid(&format!("{name} must be there, and be a list")))?;
        for (index, value) in list.iter().enumerate() {
            item(value).map_err(|error| invalid(&format!("{name}[{index}]: {error}")))?;
        }
        Ok(())
    };
    part("links", link)?;
    part("networks", network)?;
    part("services", service)
}

fn invalid(text: &str) -> ApiError {
    ApiError::invalid(format!("network_data: {text}"))
}

fn text<'a>(item: &'a Value, key: &str) -> Result<&'a str, String> {
    item[key]
        .as_str()
        .ok_or_else(|| format!("{key} must be a text"))
}

fn link(item: &Value) -> Result<(), String> {
    text(item, "id")?;
    let address = match text(item, "type")? {
        "bond" => {
            text(item, "bond_mode")?;
            if !item["bond_links"].is_array() {
                return Err("bond_links must be a list".to_owned());
            }
            "ethernet_mac_address"
        }
        "vlan" => {
            text(item, "vlan_link")?;
            if !item["vlan_id"].is_i64() {
                return Err("vlan_id must be a number".to_owned());
            }
            "vlan_mac_address"
        }
        physical if PHYSICAL.contains(&physical) => "ethernet_mac_address",
        other => return Err(format!("{other:?} is not a type of link")),
    };
    // Hyphens are allowed here, unlike elsewhere.
    let value = text(item, address)?.replace('-', ":");
    mac_address(&value).ok_or_else(|| format!("{address} must be a MAC address"))?;
    match &item["mtu"] {
        Value::Null => Ok(()),
        mtu if mtu
            .as_f64()
            .is_some_and(|mtu| (1.0..=65535.0).contains(&mtu)) =>
        {
            Ok(())
        }
        _ => Err("mtu must be a number up to 65535".to_owned()),
    }
}

fn network(item: &Value) -> Result<(), String> {
    for key in ["id", "link", "network_id"] {
        text(item, key)?;
    }
    let version = match text(item, "type")? {
        "ipv4" | "ipv4_dhcp" => 4,
        "ipv6" | "ipv6_dhcp" | "ipv6_slaac" => 6,
        other => return Err(format!("{other:?} is not a type of network")),
    };
    if let Some(address) = item.get("ip_address") {
        let address = address.as_str().unwrap_or_default();
        let host = address.split('/').next().unwrap_or_default();
        let fits = match version {
            4 => address.parse::<Ipv4Addr>().is_ok(),
            _ => host.parse::<Ipv6Addr>().is_ok(),
        };
        if !fits {
            return Err(format!("ip_address must be an IPv{version} address"));
        }
    }
    match item.get("routes") {
        None | Some(Value::Array(_)) => Ok(()),
        Some(_) => Err("routes must be a list".to_owned()),
    }
}

fn service(item: &Value) -> Result<(), String> {
    let address = text(item, "address")?;
    let known = address.parse::<Ipv4Addr>().is_ok() || address.parse::<Ipv6Addr>().is_ok();
    match text(item, "type")? {
        "dns" if known => Ok(()),
        "dns" => Err("address must be an IP address".to_owned()),
        other => Err(format!("{other:?} is not a type of service")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_text(data: &Value, expected: Option<&str>) {
        let found = check(data.as_object().unwrap()).err();
        match (found.map(|error| format!("{error:?}")), expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    fn data(link: &Value, network: &Value) -> Value {
        let services = json!([{"type": "dns", "address": "192.0.2.1"}]);
        json!({"links": [link], "networks": [network], "services": services})
    }

    #[test]
    fn parts_and_their_items() {
        let mac = "52:54:00:00:00:01";
        let link = json!({"id": "a", "type": "phy", "ethernet_mac_address": mac, "mtu": 1500});
        let vlan = json!({
            "id": "v", "type": "vlan", "vlan_link": "a", "vlan_id": 5, "vlan_mac_address": mac,
        });
        let network = json!({
            "id": "n", "link": "a", "network_id": "x", "type": "ipv4", "ip_address": "192.0.2.7",
        });
        check_text(&json!({}), None);
        check_text(&json!({"links": []}), Some("networks must be there"));
        check_text(&data(&link, &network), None);
        check_text(&data(&vlan, &network), None);
        let mut wrong = link.clone();
        wrong["type"] = json!("wifi");
        check_text(&data(&wrong, &network), Some("links[0]"));
        let mut wrong = network;
        wrong["ip_address"] = json!("fe80::1");
        check_text(&data(&link, &wrong), Some("an IPv4 address"));
    }
}
