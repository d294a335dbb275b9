//! Two cards of a machine in a bond, which both ramdisks make of the files in `tests/bond/`: to both agents the bond is an
//! interface beside its members, and these have the addresses that were burnt in. Beside it a BMC with an IPv6 address.

use super::{
    BMC_ADDRESS, BMC_MAC, MEMORY_MIB, assert_bmc, assert_same, collects, inspected, take_ironics,
};
use crate::machines::told;
use ferric_tests::images::top;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Firmware, Ipmi, Machine};
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use serde_json::{Value, json};
use std::path::Path;

const BOOT_MAC: &str = "52:54:00:fe:00:01";
const MEMBERS: [&str; 2] = ["52:54:00:fe:01:01", "52:54:00:fe:01:02"];
const BOND_MAC: &str = "52:54:00:fe:01:0b";
const ADDRESS: &str = "198.51.100.7";
const BMC_IPV6: &str = "2001:db8::7";

#[test]
fn finds_a_bond_and_its_members() {
    let machine = Machine::new(1, "m1", Firmware::Uefi)
        .memory_mib(MEMORY_MIB)
        .more_macs(&MEMBERS)
        .with_ipmi(Ipmi::Simulator {
            address: BMC_ADDRESS,
            mac: BMC_MAC,
            ipv6: Some(BMC_IPV6),
        });
    let plan = Plan::new("ironic-agent-bond", vec![machine]);
    told(Lab::start(&plan).unwrap(), |lab| {
        let node = lab.enroll("m1").unwrap();
        // The members get no address, so both agents wait as long as they may, and the bond is up by then.
        collects(&node, "ipa-inspection-dhcp-all-interfaces=1");
        node.manage().unwrap();
        makes_bond(lab, &node, &lab.images().ramdisk, "ours");
        let ours = inspected(lab, &node);
        assert_bond(&ours);
        assert_bmc(&ours, &json!([BMC_ADDRESS, BMC_MAC, BMC_IPV6]));
        take_ironics(lab, &node);
        let ramdisk = lab.folder().join("ironic-agent.initramfs");
        makes_bond(lab, &node, &ramdisk, "ironics");
        assert_same(&ours, &inspected(lab, &node));
    });
}

/// From here on the machine boots this ramdisk with a bond in it.
fn makes_bond(lab: &Lab, node: &Node<'_>, ramdisk: &Path, name: &str) {
    let with_bond = lab.folder().join(format!("{name}-with-bond.initramfs"));
    let mut add = command(top().join("image-build/add"));
    add.arg(top().join("tests/bond")).arg(&with_bond);
    output(add.env("FERRIC_INITRAMFS", ramdisk)).unwrap();
    let url = json!(format!("file://{}", with_bond.display()));
    node.set("/driver_info/deploy_ramdisk", &url).unwrap();
}

fn assert_bond(found: &Value) {
    let interfaces = found["inventory"]["interfaces"].as_array().unwrap();
    let mut macs: Vec<&str> = interfaces
        .iter()
        .map(|interface| interface["mac_address"].as_str().unwrap())
        .collect();
    macs.sort_unstable();
    assert_eq!(macs, [BOOT_MAC, MEMBERS[0], MEMBERS[1], BOND_MAC]);
    let bond = interfaces.iter().find(|one| one["name"] == "bond0");
    let bond = bond.unwrap();
    assert_eq!(bond["mac_address"], BOND_MAC, "{bond}");
    assert_eq!(bond["ipv4_address"], ADDRESS, "{bond}");
    assert_eq!(bond["has_carrier"], true, "{bond}");
}
