//! The conductor dies while an image is being written, and no work is lost.

use super::{LOGIN, available, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};

#[test]
fn a_deploy_survives_sigkill_and_writes_once() {
    let disks = vec![Disk::new("nvme", "6GiB", "m1-root")];
    let machine = Machine::new(1, "m1", Firmware::Uefi).disks(disks);
    let lab = Lab::start(&Plan::new("restart", vec![machine])).unwrap();
    told(lab, |lab| {
        let uuid = {
            let node = available(lab, "m1");
            node.image(&lab.images().system).unwrap();
            node.start_deploy("phoenix").unwrap();
            node.writes(1 << 20).unwrap();
            node.uuid
        };
        let console = lab.serial("m1").len();
        lab.kill_conductor().unwrap();
        lab.start_conductor().unwrap();
        let node = ferric_tests::node::Node::known(lab, "m1").unwrap();
        assert_eq!(node.uuid, uuid);
        node.becomes_active().unwrap();

        let events = node.events(0).unwrap();
        let started = |event: &&serde_json::Value| {
            event["event"] == "step_started" && event["step"]["step"] == "write_image"
        };
        assert_eq!(
            events.iter().filter(started).count(),
            1,
            "write_image was started more than once"
        );
        // What is on the disk only grows: nobody began anew.
        let written: Vec<u64> = events
            .iter()
            .filter(|event| event["event"] == "progress")
            .filter_map(|event| event["bytes_done"].as_u64())
            .collect();
        assert!(written.is_sorted(), "{written:?}");
        lab.serial("m1")
            .wait_for("phoenix login:", console, LOGIN)
            .unwrap();
        assert!(
            has_boot_entry(lab, "m1", "ironic1"),
            "the firmware knows no entry of the deployed system"
        );
    });
}

/// Whether the machine's UEFI variables hold a boot option with this label.
fn has_boot_entry(lab: &Lab, machine: &str, label: &str) -> bool {
    let variables = lab.disk(machine, 0).with_file_name("vars.fd");
    let variables = std::fs::read(variables).unwrap();
    let label: Vec<u8> = label.encode_utf16().flat_map(u16::to_le_bytes).collect();
    variables
        .windows(label.len())
        .any(|window| window == label.as_slice())
}
