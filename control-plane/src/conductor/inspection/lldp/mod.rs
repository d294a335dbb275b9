//! What switches say about themselves in LLDP (IEEE 802.1AB), as a ramdisk collected it: types with their values in
//! hexadecimal. Pure; what cannot be read is left out.

mod dot1;
mod dot3;
mod parsed;

pub(super) use parsed::parsed;

use ferric_model::node::Object;
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest value that a TLV can have.
const LONGEST: usize = 511;
const CHASSIS_ID: u64 = 1;
const PORT_ID: u64 = 2;
const SYSTEM_NAME: u64 = 5;

/// A type and its value.
pub(super) struct Tlv {
    kind: u64,
    value: Vec<u8>,
}

/// The TLVs of an interface: from the collector's data, or where old ramdisks put them. `None`: there are none.
pub(super) fn of_interface(
    name: &str,
    interface: &Value,
    plugin_data: &Object,
) -> Option<Vec<Tlv>> {
    let collected = plugin_data.get("lldp_raw").and_then(|raw| raw.get(name));
    let filled = |value: &&Value| value.as_array().is_some_and(|items| !items.is_empty());
    let raw = collected.filter(filled).or_else(|| interface.get("lldp"));
    Some(raw?.as_array()?.iter().filter_map(tlv).collect())
}

fn tlv(item: &Value) -> Option<Tlv> {
    let (kind, text) = (item.get(0)?.as_u64()?, item.get(1)?.as_str()?);
    let value = bytes(text).filter(|value| value.len() <= LONGEST)?;
    Some(Tlv { kind, value })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What a port's `local_link_connection` says of the switch.
pub(super) fn link(tlvs: &[Tlv]) -> Object {
    let mut link = Object::new();
    for tlv in tlvs {
        let (name, found) = match tlv.kind {
            CHASSIS_ID => ("switch_id", switch_address(&tlv.value)),
            PORT_ID => ("port_id", identity(&tlv.value, &PORT_KINDS)),
            SYSTEM_NAME => ("switch_info", text(&tlv.value)),
            _ => continue,
        };
        if let Some(found) = found {
            link.entry(name).or_insert(Value::from(found));
        }
    }
    link
}

/// Only a chassis that is named by a MAC address says which switch it is.
fn switch_address(value: &[u8]) -> Option<String> {
    let (subtype, rest) = value.split_first()?;
    (*subtype == 4).then(|| mac(rest)).flatten()
}

/// How the first byte of a chassis or port id says what follows.
#[derive(Clone, Copy)]
struct Kinds {
    texts: &'static [u8],
    mac: u8,
    address: u8,
}

const CHASSIS_KINDS: Kinds = Kinds {
    texts: &[1, 2, 3, 6, 7],
    mac: 4,
    address: 5,
};
const PORT_KINDS: Kinds = Kinds {
    texts: &[1, 2, 5, 7],
    mac: 3,
    address: 4,
};

fn identity(value: &[u8], kinds: &Kinds) -> Option<String> {
    let (subtype, rest) = value.split_first()?;
    match *subtype {
        kind if kind == kinds.mac => mac(rest),
        kind if kind == kinds.address => address(rest),
        kind if kinds.texts.contains(&kind) => text(rest),
        _ => None,
    }
}

fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

fn mac(value: &[u8]) -> Option<String> {
    let octets: Vec<_> = value
        .get(..6)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(octets.join(":"))
}

/// A family of addresses (IANA), and an address.
fn address(value: &[u8]) -> Option<String> {
    let (family, rest) = value.split_first()?;
    match family {
        1 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(rest.get(..4)?).ok()?).to_string()),
        2 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(rest.get(..16)?).ok()?).to_string()),
        6 => mac(rest),
        _ => None,
    }
}

fn number(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(value.get(..2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
