//! Disks that the machine reaches by two paths each, so that the kernel shows four: the agent erases one disk, once,
//! and writes a system to the other one, which boots.

use super::erase::records;
use super::{assert_erased, fill, managed};
use crate::machines::{LOGIN, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use serde_json::json;

const ROOT: &str = "0x5000c50015ea7001";
const OTHER: &str = "0x5000c50015ea7002";
const OTHER_BYTES: usize = 128 << 20;
const HOST_NAME: &str = "multipath";

#[test]
fn is_erased_once_and_boots() {
    let disk = |size, serial, wwn| Disk {
        wwn: Some(wwn),
        paths: 2,
        ..Disk::new("scsi", size, serial)
    };
    let disks = vec![
        disk("6GiB", "two-paths-root", ROOT),
        disk("128MiB", "two-paths-other", OTHER),
    ];
    let machine = Machine::new(1, "m1", Firmware::Uefi).disks(disks);
    told(
        Lab::start(&Plan::new("multipath", vec![machine])).unwrap(),
        |lab| {
            let node = managed(lab, "m1");
            let skipped = json!([{ "wwn": ROOT }]);
            node.set("/properties/skip_block_devices", &skipped)
                .unwrap();
            is_erased_once(lab, &node, "/dev/dm-");
            // Without multipathd one of the paths stands for both.
            let parameters =
                |text: &str| node.set("/driver_info/kernel_append_params", &json!(text));
            parameters("%default% nompath").unwrap();
            is_erased_once(lab, &node, "/dev/sd");
            parameters("%default%").unwrap();
            deploys(lab, &node);
        },
    );
}

fn is_erased_once(lab: &Lab, node: &Node<'_>, device: &str) {
    fill(&lab.disk("m1", 1), OTHER_BYTES);
    let before = records(lab, node).len();
    let steps = json!([{ "interface": "deploy", "step": "erase_devices" }]);
    node.clean(&steps).unwrap();
    let new = records(lab, node).split_off(before);
    let [record] = new.as_slice() else {
        panic!("not one record: {new:#?}");
    };
    assert_eq!(record["wwn"], OTHER, "{record}");
    let name = record["device"].as_str().unwrap();
    assert!(name.starts_with(device), "{name} instead of {device}*");
    assert_erased(&lab.disk("m1", 1));
}

fn deploys(lab: &Lab, node: &Node<'_>) {
    let remove = json!([{ "op": "remove", "path": "/properties/skip_block_devices" }]);
    let path = format!("/v1/nodes/{}", node.uuid);
    lab.api().patch(&path, &remove).unwrap();
    node.set("/properties/root_device", &json!({ "wwn": ROOT }))
        .unwrap();
    node.provide().unwrap();
    node.image(&lab.images().system).unwrap();
    let console = lab.serial("m1").len();
    node.start_deploy(HOST_NAME).unwrap();
    node.becomes_active().unwrap();
    let login = format!("{HOST_NAME} login:");
    lab.serial("m1").wait_for(&login, console, LOGIN).unwrap();
}
