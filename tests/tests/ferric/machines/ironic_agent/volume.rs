//! A RAID 1 of software, made by our agent and left on the disks: both agents find the volume beside its disks.

use super::{MEMORY_MIB, assert_same, collects, disks, inspected, take_ironics};
use crate::machines::told;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use serde_json::json;

#[test]
fn finds_a_volume_beside_its_disks() {
    let disks_of_volume = ["m1-half", "m1-other"].map(|serial| Disk::new("virtio", "2GiB", serial));
    let machine = Machine::new(1, "m1", Firmware::Uefi)
        .disks(disks_of_volume.to_vec())
        .memory_mib(MEMORY_MIB);
    let plan = Plan::new("ironic-agent-volume", vec![machine]);
    told(Lab::start(&plan).unwrap(), |lab| {
        let node = lab.enroll("m1").unwrap();
        node.set("/raid_interface", &json!("agent")).unwrap();
        collects(&node, "");
        node.manage().unwrap();
        makes_volume(lab, &node);
        let ours = inspected(lab, &node);
        let [volume, half, other] = disks(&ours)[..] else {
            panic!("not three disks: {ours}");
        };
        assert!(volume.starts_with("/dev/md"), "{ours}");
        assert_eq!([half, other], ["/dev/vda", "/dev/vdb"]);
        take_ironics(lab, &node);
        assert_same(&ours, &inspected(lab, &node));
    });
}

/// Of all disks, by cleaning. The node's power goes off then, and nothing of the volume is left but what is on the disks.
fn makes_volume(lab: &Lab, node: &Node<'_>) {
    let volume = json!({
        "controller": "software", "raid_level": "1", "size_gb": "MAX", "volume_name": "left",
    });
    let path = format!("/v1/nodes/{}/states/raid", node.uuid);
    lab.api()
        .put(&path, &json!({ "logical_disks": [volume] }))
        .unwrap();
    let steps = json!([{ "interface": "raid", "step": "create_configuration" }]);
    node.clean(&steps).unwrap();
}
