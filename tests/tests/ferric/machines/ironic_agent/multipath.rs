//! A disk that the machine reaches by two paths: to both agents it is one, by a map of multipath-tools. Beside it QEMU's own
//! BMC, which has no network.

use super::{
    MEMORY_MIB, NO_ADDRESS, NO_IPV6, assert_bmc, assert_same, collects, disks, inspected,
    take_ironics,
};
use crate::machines::told;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Ipmi, Machine};
use serde_json::json;

#[test]
fn finds_a_disk_of_two_paths_once() {
    let root = Disk::new("virtio", "6GiB", "m1-root");
    let twice = Disk {
        wwn: Some("0x5000c50015ea7001"),
        paths: 2,
        ..Disk::new("scsi", "1GiB", "m1-two-paths")
    };
    let machine = Machine::new(1, "m1", Firmware::Uefi)
        .disks(vec![root, twice])
        .memory_mib(MEMORY_MIB)
        .with_ipmi(Ipmi::Qemu);
    let plan = Plan::new("ironic-agent-multipath", vec![machine]);
    told(Lab::start(&plan).unwrap(), |lab| {
        let node = lab.enroll("m1").unwrap();
        collects(&node, "");
        node.manage().unwrap();
        let ours = inspected(lab, &node);
        assert_eq!(disks(&ours), ["/dev/dm-0", "/dev/vda"], "{ours}");
        assert_bmc(&ours, &json!([NO_ADDRESS, null, NO_IPV6]));
        take_ironics(lab, &node);
        assert_same(&ours, &inspected(lab, &node));
    });
}
