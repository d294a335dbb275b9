//! What of a frame a person wants to read in the log. The conductor's hook `parse-lldp` makes more of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::frame::{Frame, Tlv};

/// Organisation and number of what IEEE 802.1 says of VLANs.
const PORT_VLAN: [u8; 4] = [0x00, 0x80, 0xc2, 1];
const VLAN_NAME: [u8; 4] = [0x00, 0x80, 0xc2, 3];

/// The switch at the other end of a cable, and the port there, by the names that Ironic's hook `parse-lldp` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbor {
    /// A MAC or IP address, or a name that the switch was given.
    pub switch_chassis_id: Option<String>,
    /// The port's name, or an address.
    pub switch_port_id: Option<String>,
    /// The port as its operator describes it.
    pub switch_port_description: Option<String>,
    /// The host name of the switch.
    pub switch_system_name: Option<String>,
    /// The VLAN of frames without a tag.
    pub switch_port_untagged_vlan_id: Option<u16>,
    /// The VLANs of the port that have names.
    pub switch_port_vlans: Vec<u16>,
}

impl Neighbor {
    /// What can be read in a frame. The first one of each counts; what cannot be read is left out.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        let mut neighbor = Self::default();
        for tlv in frame.tlvs() {
            neighbor.read(tlv);
        }
        neighbor
    }

    fn read(&mut self, tlv: &Tlv) {
        let value = tlv.value.as_slice();
        match tlv.kind {
            1 => set(&mut self.switch_chassis_id, chassis(value)),
            2 => set(&mut self.switch_port_id, port(value)),
            4 => set(&mut self.switch_port_description, text(value)),
            5 => set(&mut self.switch_system_name, text(value)),
            127 => self.read_vlan(value),
            _ => {}
        }
    }

    fn read_vlan(&mut self, value: &[u8]) {
        if let Some(value) = value.strip_prefix(&PORT_VLAN) {
            set(&mut self.switch_port_untagged_vlan_id, number(value));
        } else if let Some(value) = value.strip_prefix(&VLAN_NAME) {
            self.switch_port_vlans.extend(number(value));
        }
    }
}

fn set<T>(target: &mut Option<T>, value: Option<T>) {
    if target.is_none() {
        *target = value;
    }
}

/// The first byte says what follows.
fn chassis(value: &[u8]) -> Option<String> {
    let (subtype, rest) = value.split_first()?;
    match subtype {
        1 | 2 | 3 | 6 | 7 => text(rest),
        4 => mac(rest),
        5 => address(rest),
        _ => None,
    }
}

fn port(value: &[u8]) -> Option<String> {
    let (subtype, rest) = value.split_first()?;
    match subtype {
        1 | 2 | 5 | 7 => text(rest),
        3 => mac(rest),
        4 => address(rest),
        _ => None,
    }
}

fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

fn mac(value: &[u8]) -> Option<String> {
    let bytes = value.first_chunk::<6>()?;
    let texts = bytes.map(|byte| format!("{byte:02x}"));
    Some(texts.join(":"))
}

/// A family by its number at IANA, and an address.
fn address(value: &[u8]) -> Option<String> {
    let (family, rest) = value.split_first()?;
    match family {
        1 => Some(Ipv4Addr::from(*rest.first_chunk::<4>()?).to_string()),
        2 => Some(Ipv6Addr::from(*rest.first_chunk::<16>()?).to_string()),
        6 => mac(rest),
        _ => None,
    }
}

fn number(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*value.first_chunk()?))
}
