//! Frames that a switch, or whoever is at the other end of the cable, may send, as foreign bytes.

use crate::lldp::{Frame, Neighbor, Tlv};
use crate::network::vlan;

/// Nothing is lost or made up, and a frame is the same when it is written down and read again.
pub(super) fn lldp(bytes: &[u8]) {
    let Some(frame) = Frame::parse(bytes) else {
        return;
    };
    let tlvs = frame.tlvs();
    let sum: usize = tlvs.iter().map(|tlv| 2 + tlv.value.len()).sum();
    assert!(14 + sum <= bytes.len());
    let is_possible = |tlv: &Tlv| tlv.kind < 128 && tlv.value.len() < 512;
    assert!(tlvs.iter().all(is_possible));

    let mut written = bytes[..14].to_vec();
    for tlv in tlvs {
        let length = u16::try_from(tlv.value.len()).expect("a value has at most 511 bytes");
        let header = (u16::from(tlv.kind) << 9) | length;
        written.extend_from_slice(&header.to_be_bytes());
        written.extend_from_slice(&tlv.value);
    }
    let again = Frame::parse(&written).expect("what was written is a frame");
    assert_eq!(again.tlvs(), tlvs);
    assert!(again.is_complete() || !frame.is_complete());

    let wire = frame.to_wire();
    let fits = |((_, text), tlv): (&(u16, String), &Tlv)| text.len() == 2 * tlv.value.len();
    assert!(wire.len() == tlvs.len() && wire.iter().zip(tlvs).all(fits));
    let neighbor = Neighbor::of(&frame);
    let is_told = |number: &u16| {
        vlan::NUMBERS.contains(number) && neighbor.switch_port_vlans.contains(number)
    };
    assert!(vlan::told(&wire).iter().all(is_told));
}
