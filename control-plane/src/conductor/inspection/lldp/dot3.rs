//! TLVs of IEEE 802.3: what a port can do physically. Numbers are those of RFC 4836.

use super::dot1::link_aggregation;
use super::number;
use super::parsed::set;
use ferric_model::node::Object;

pub(super) fn parse(subtype: u8, value: &[u8], found: &mut Object) -> Option<()> {
    match subtype {
        1 if value.len() == 5 => {
            let medium = usize::from(number(&value[3..])?);
            let medium = *MEDIA.get(medium)?;
            let flags = value[0];
            set(
                found,
                "switch_port_autonegotiation_enabled",
                flags & 0b10 != 0,
            );
            set(
                found,
                "switch_port_autonegotiation_support",
                flags & 0b1 != 0,
            );
            let able = abilities(number(&value[1..])?);
            set(found, "switch_port_physical_capabilities", able);
            set(found, "switch_port_mau_type", medium);
        }
        3 => return link_aggregation(value, found),
        4 => set(found, "switch_port_mtu", number(value)?),
        _ => {}
    }
    Some(())
}

/// By the bit from the left, the first of which means something else.
fn abilities(bits: u16) -> Vec<&'static str> {
    const NAMES: &[&str] = &[
        "10BASE-T hdx",
        "10BASE-T fdx",
        "10BASE-T4",
        "100BASE-TX hdx",
        "100BASE-TX fdx",
        "100BASE-T2 hdx",
        "100BASE-T2 fdx",
        "PAUSE fdx",
        "Asym PAUSE fdx",
        "Sym PAUSE fdx",
        "Asym and Sym PAUSE fdx",
        "1000BASE-X hdx",
        "1000BASE-X fdx",
        "1000BASE-T hdx",
        "1000BASE-T fdx",
    ];
    let set = NAMES
        .iter()
        .zip(1_u32..)
        .filter(|(_, place)| bits << place & 0x8000 != 0);
    let mut names: Vec<_> = set.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// `ifMauTypeList`, by number.
const MEDIA: &[&str] = &[
    "Unknown",
    "AUI",
    "10BASE-5",
    "FOIRL",
    "10BASE-2",
    "10BASE-T duplex mode unknown",
    "10BASE-FP",
    "10BASE-FB",
    "10BASE-FL duplex mode unknown",
    "10BROAD36",
    "10BASE-T half duplex",
    "10BASE-T full duplex",
    "10BASE-FL half duplex",
    "10BASE-FL full duplex",
    "100 BASE-T4",
    "100BASE-TX half duplex",
    "100BASE-TX full duplex",
    "100BASE-FX half duplex",
    "100BASE-FX full duplex",
    "100BASE-T2 half duplex",
    "100BASE-T2 full duplex",
    "1000BASE-X half duplex",
    "1000BASE-X full duplex",
    "1000BASE-LX half duplex",
    "1000BASE-LX full duplex",
    "1000BASE-SX half duplex",
    "1000BASE-SX full duplex",
    "1000BASE-CX half duplex",
    "1000BASE-CX full duplex",
    "1000BASE-T half duplex",
    "1000BASE-T full duplex",
    "10GBASE-X",
    "10GBASE-LX4",
    "10GBASE-R",
    "10GBASE-ER",
    "10GBASE-LR",
    "10GBASE-SR",
    "10GBASE-W",
    "10GBASE-EW",
    "10GBASE-LW",
    "10GBASE-SW",
    "10GBASE-CX4",
    "2BASE-TL",
    "10PASS-TS",
    "100BASE-BX10D",
    "100BASE-BX10U",
    "100BASE-LX10",
    "1000BASE-BX10D",
    "1000BASE-BX10U",
    "1000BASE-LX10",
    "1000BASE-PX10D",
    "1000BASE-PX10U",
    "1000BASE-PX20D",
    "1000BASE-PX20U",
];
