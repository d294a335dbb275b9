//! Entries on a machine with two cards, and what recorded switches say to it.

use super::*;
use crate::lldp::Frame;
use crate::lldp::frames::{ALL as SAMPLES, ARISTA, CISCO, LLDPD, Sample, bytes};

fn interfaces() -> Vec<Interface> {
    let nic = |name: &str, mac: &str, is_hardware: bool| Interface {
        name: name.to_owned(),
        mac_address: Some(mac.to_owned()),
        pci_address: is_hardware.then(|| "0000:00:03.0".to_owned()),
        ..Interface::default()
    };
    vec![
        nic("eth0", "52:54:00:00:00:01", true),
        nic("eth0.7", "52:54:00:00:00:01", false),
        nic("eth1", "52:54:00:00:00:0a", true),
    ]
}

fn plan(entries: &[&str]) -> Plan {
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    Plan::of(&entries, &interfaces())
}

fn names(plan: &Plan) -> Vec<String> {
    plan.vlans.iter().map(Vlan::name).collect()
}

fn owned(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn names_and_addresses_are_understood() {
    let check = |entry: &str, expected: Result<&str, VlanError>| {
        let plan = plan(&[entry]);
        match expected {
            Ok(name) => assert_eq!((names(&plan), plan.errors), (vec![name.to_owned()], vec![])),
            Err(error) => assert_eq!((names(&plan), plan.errors), (vec![], vec![error])),
        }
    };
    let owned = str::to_owned;
    check("eth0.100", Ok("eth0.100"));
    check("52:54:00:00:00:0A.4094", Ok("eth1.4094"));
    check("eth0.7.8", Ok("eth0.7.8"));
    // Whoever starts again finds it there.
    check("eth0.7", Ok("eth0.7"));
    check("eth0.0", Err(VlanError::Number(owned("eth0.0"))));
    check("eth0.4095", Err(VlanError::Number(owned("eth0.4095"))));
    check("eth0.x", Err(VlanError::Number(owned("eth0.x"))));
    check("eth9.5", Err(VlanError::Parent(owned("eth9.5"))));
    check("eth9", Err(VlanError::Unknown(owned("eth9"))));
    check("", Err(VlanError::Unknown(owned(""))));
}

#[test]
fn each_interface_is_made_once_and_what_is_wrong_is_told() {
    let plan = plan(&["eth0.5", "52:54:00:00:00:01.5", "nonsense", "eth1.6"]);
    assert_eq!(names(&plan), ["eth0.5", "eth1.6"]);
    assert_eq!(plan.asked, owned(&[]));
    assert_eq!(plan.errors, [VlanError::Unknown("nonsense".to_owned())]);
}

#[test]
fn switches_are_asked_at_the_interfaces_that_have_no_number() {
    let asked = |entries: &[&str]| plan(entries).asked;
    assert_eq!(asked(&["eth0.5"]), owned(&[]));
    assert_eq!(asked(&["eth1", "eth0.5"]), owned(&["eth1"]));
    assert_eq!(asked(&["52:54:00:00:00:0A"]), owned(&["eth1"]));
    assert_eq!(asked(&["all"]), owned(&["eth0", "eth1"]));
}

#[test]
fn the_vlans_that_a_switch_names_are_read() {
    let found = SAMPLES.map(|sample| told(&sample.wire()));
    // The port's own VLAN, which two of them tell of, is that of frames without a tag.
    let expected: [BTreeSet<u16>; 3] = [[].into(), [20, 30].into(), [].into()];
    assert_eq!(found, expected);
}

#[test]
fn what_is_no_name_of_a_vlan_is_none() {
    let cases: [(&str, &[u16]); 10] = [
        ("fe0b 0080c2 03 0014 04 70726f64", &[20]),
        // A name may be empty, and even missing; 0 and 4095 are no VLANs.
        ("fe07 0080c2 03 0ffe 00", &[4094]),
        ("fe06 0080c2 03 0001", &[1]),
        ("fe07 0080c2 03 0fff 00", &[]),
        ("fe06 0080c2 03 0000", &[]),
        ("fe05 0080c2 03 00", &[]),
        ("fe04 0080c2 03", &[]),
        // Another subtype, another organisation, another type.
        ("fe06 0080c2 01 0014", &[]),
        ("fe0b 00120f 03 0014 04 70726f64", &[]),
        ("0a0b 0080c2 03 0014 04 70726f64", &[]),
    ];
    for (tlv, expected) in cases {
        let frame = [bytes(CISCO.header), bytes(tlv)].concat();
        let wire = Frame::parse(&frame).unwrap().to_wire();
        let found: Vec<u16> = told(&wire).into_iter().collect();
        assert_eq!(found, expected, "{tlv}");
    }
}

#[test]
fn vlans_that_are_told_of_stand_beside_those_that_have_numbers() {
    let heard = |says: &[(&str, &Sample)]| -> Heard {
        let says = says.iter();
        says.map(|(name, sample)| ((*name).to_owned(), sample.wire()))
            .collect()
    };
    let mut all = plan(&["all", "eth1.20", "eth1.9"]);
    all.hear(&heard(&[("eth0", &CISCO), ("eth1", &ARISTA)]));
    assert_eq!(names(&all), ["eth1.9", "eth1.20", "eth1.30"]);
    assert_eq!(all.errors, [VlanError::Untold("eth0".to_owned())]);

    // What a switch says at an interface that nobody asked for makes no interface there.
    let mut one = plan(&["eth0"]);
    one.hear(&heard(&[("eth0", &ARISTA), ("eth1", &ARISTA)]));
    assert_eq!(names(&one), ["eth0.20", "eth0.30"]);
    assert!(one.errors.is_empty(), "{:?}", one.errors);

    let mut silent = plan(&["eth0", "eth1"]);
    silent.hear(&heard(&[("eth1", &LLDPD)]));
    assert_eq!(names(&silent), [""; 0]);
    let untold = ["eth0", "eth1"].map(|name| VlanError::Untold(name.to_owned()));
    assert_eq!(silent.errors, untold);
}
