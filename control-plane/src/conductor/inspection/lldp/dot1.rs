//! TLVs of IEEE 802.1: VLANs, protocols, link aggregation.

use super::number;
use super::parsed::{append, set};
use ferric_model::node::Object;
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn parse(subtype: u8, value: &[u8], found: &mut Object) -> Option<()> {
    match subtype {
        1 => set(found, "switch_port_untagged_vlan_id", number(value)?),
        2 if value.len() == 3 => {
            let flags = value[0];
            set(
                found,
                "switch_port_protocol_vlan_enabled",
                flags & 0b100 != 0,
            );
            set(
                found,
                "switch_port_protocol_vlan_support",
                flags & 0b10 != 0,
            );
            let vlan = number(&value[1..])?;
            append(found, "switch_port_protocol_vlan_ids", json!(vlan));
        }
        3 => {
            let length = usize::from(*value.get(2)?);
            let name = super::text(value.get(3..3 + length)?)?;
            let vlan = json!({"name": name, "id": number(value)?});
            append(found, "switch_port_vlans", vlan);
        }
        4 => {
            let length = usize::from(*value.first()?);
            let mut protocol = String::with_capacity(2 * length);
            for byte in value.get(1..1 + length)? {
                write!(protocol, "{byte:02x}").ok()?;
            }
            append(found, "switch_protocol_identities", json!(protocol));
        }
        6 => set(found, "switch_port_management_vlan_id", number(value)?),
        7 => return link_aggregation(value, found),
        _ => {}
    }
    Some(())
}

/// The same in 802.1 and, of old, in 802.3.
pub(super) fn link_aggregation(value: &[u8], found: &mut Object) -> Option<()> {
    let (status, port) = value.split_first()?;
    let port = u32::from_be_bytes(port.try_into().ok()?);
    set(
        found,
        "switch_port_link_aggregation_enabled",
        status & 0b10 != 0,
    );
    set(
        found,
        "switch_port_link_aggregation_support",
        status & 0b1 != 0,
    );
    set(found, "switch_port_link_aggregation_id", port);
    Some(())
}
