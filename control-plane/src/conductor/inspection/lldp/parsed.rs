//! TLVs by the names that Ironic gives them in `plugin_data.parsed_lldp`.

use super::{
    CHASSIS_ID, CHASSIS_KINDS, PORT_ID, PORT_KINDS, SYSTEM_NAME, Tlv, address, dot1, dot3,
    identity, number, text,
};
use ferric_model::node::Object;
use serde_json::{Value, json};

const PORT_DESCRIPTION: u64 = 4;
const SYSTEM_DESCRIPTION: u64 = 6;
const CAPABILITIES: u64 = 7;
const MANAGEMENT_ADDRESS: u64 = 8;
const ORGANISATION: u64 = 127;

/// The first value of each name counts; those that can be there several times are lists.
pub(in super::super) fn parsed(tlvs: &[Tlv]) -> Object {
    let mut found = Object::new();
    for tlv in tlvs {
        // What cannot be read says nothing.
        parse(tlv, &mut found).unwrap_or_default();
    }
    found
}

fn parse(tlv: &Tlv, found: &mut Object) -> Option<()> {
    let value = tlv.value.as_slice();
    match tlv.kind {
        CHASSIS_ID => set(found, "switch_chassis_id", identity(value, &CHASSIS_KINDS)?),
        PORT_ID => set(found, "switch_port_id", identity(value, &PORT_KINDS)?),
        PORT_DESCRIPTION => set(found, "switch_port_description", text(value)?),
        SYSTEM_NAME => set(found, "switch_system_name", text(value)?),
        SYSTEM_DESCRIPTION => set(found, "switch_system_description", text(value)?),
        CAPABILITIES if value.len() == 4 => {
            let (supported, enabled) = (number(value)?, number(&value[2..])?);
            set(
                found,
                "switch_capabilities_support",
                capabilities(supported),
            );
            set(found, "switch_capabilities_enabled", capabilities(enabled));
        }
        MANAGEMENT_ADDRESS => {
            let address = address(value.get(1..)?)?;
            append(found, "switch_mgmt_addresses", json!(address));
        }
        ORGANISATION => {
            let (organisation, rest) = value.split_at_checked(3)?;
            let (subtype, rest) = rest.split_first()?;
            match organisation {
                [0x00, 0x80, 0xc2] => return dot1::parse(*subtype, rest, found),
                [0x00, 0x12, 0x0f] => return dot3::parse(*subtype, rest, found),
                _ => {}
            }
        }
        _ => {}
    }
    Some(())
}

pub(super) fn set(found: &mut Object, name: &str, value: impl Into<Value>) {
    found.entry(name).or_insert_with(|| value.into());
}

pub(super) fn append(found: &mut Object, name: &str, value: Value) {
    let list = found.entry(name).or_insert_with(|| json!([]));
    if let Value::Array(items) = list {
        items.push(value);
    }
}

fn capabilities(bits: u16) -> Vec<&'static str> {
    const NAMES: &[(u16, &str)] = &[
        (1, "Repeater"),
        (2, "Bridge"),
        (3, "WLAN"),
        (4, "Router"),
        (5, "Telephone"),
        (6, "DOCSIS cable device"),
        (7, "Station only"),
        (8, "C-Vlan"),
        (9, "S-Vlan"),
        (10, "TPMR"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| bits >> bit & 1 == 1);
    set.map(|(_, name)| *name).collect()
}
