//! Software RAID 1 that UEFI boots from: with both disks, and with either of them alone.

use super::managed;
use crate::machines::{LOGIN, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use serde_json::json;
use std::time::Duration;

const HOST_NAME: &str = "mirror";
/// An initramfs waits 20 s for a mirror's second half, and each of its seconds is long where the processor is emulated.
const DEGRADED: Duration = Duration::from_secs(900);
/// At each start the system says what it stands on, and how that is.
const USER_DATA: &str = "#cloud-config\n\
    bootcmd:\n\
    - [sh, -c, '{ r=$(findmnt -n -o SOURCE /); d=${r#/dev/}; echo root is $r; \
    grep -A 1 \"^${d%p*} \" /proc/mdstat; } >/dev/ttyS0']\n";

#[test]
fn boots_with_uefi_after_either_disk_is_removed() {
    let disks = ["raid-0", "raid-1"].map(|serial| Disk::new("virtio", "6GiB", serial));
    let machine = Machine::new(1, "m1", Firmware::Uefi).disks(disks.to_vec());
    told(
        Lab::start(&Plan::new("raid", vec![machine])).unwrap(),
        |lab| {
            let node = managed(lab, "m1");
            makes_volume(lab, &node);
            node.provide().unwrap();
            deploys(lab, &node);
            for (removed, members) in [(0, "[_U]"), (1, "[U_]")] {
                node.shuts_down().unwrap();
                lab.put_disk("m1", removed, "out").unwrap();
                let console = lab.serial("m1").len();
                node.power("power on", "power on").unwrap();
                boots(lab, console, members);
                node.shuts_down().unwrap();
                // What the other half has written meanwhile it does not know: the disk boots as it was left.
                lab.put_disk("m1", removed, "in").unwrap();
            }
        },
    );
}

/// The volume is made by cleaning, as the node's `target_raid_config` says.
fn makes_volume(lab: &Lab, node: &Node<'_>) {
    let volume = json!({
        "controller": "software", "raid_level": "1", "size_gb": "MAX", "volume_name": "system",
        "is_root_volume": true,
    });
    let wanted = json!({ "logical_disks": [volume] });
    let path = format!("/v1/nodes/{}/states/raid", node.uuid);
    lab.api().put(&path, &wanted).unwrap();
    let step = |name: &str| json!({ "interface": "raid", "step": name });
    node.clean(&json!([
        step("delete_configuration"),
        step("create_configuration")
    ]))
    .unwrap();
    let cleaned = node.get().unwrap();
    let made = &cleaned["raid_config"]["logical_disks"];
    assert_eq!(*made, wanted["logical_disks"]);
}

fn deploys(lab: &Lab, node: &Node<'_>) {
    node.image(&lab.images().system).unwrap();
    let meta_data = json!({ "hostname": HOST_NAME, "name": HOST_NAME, "uuid": node.uuid });
    let drive = json!({ "meta_data": meta_data, "user_data": USER_DATA });
    let console = lab.serial("m1").len();
    node.ask("active", json!({ "configdrive": drive })).unwrap();
    node.becomes_active().unwrap();
    boots(lab, console, "[UU]");
}

/// Waits for the login prompt of a system that stands on a volume with these members.
fn boots(lab: &Lab, console: usize, members: &str) {
    let serial = lab.serial("m1");
    serial
        .wait_for(&format!("{HOST_NAME} login:"), console, DEGRADED.max(LOGIN))
        .unwrap();
    let said = serial.text_from(console);
    let root = said
        .lines()
        .rfind(|line| line.contains("root is /dev/"))
        .unwrap_or_else(|| panic!("the system did not say what it stands on:\n{said}"));
    assert!(root.contains("root is /dev/md"), "{root}");
    // That is how a volume of md with metadata of its own is shown.
    let mirror = said.lines().rfind(|line| line.contains(" blocks super "));
    let mirror =
        mirror.unwrap_or_else(|| panic!("the system did not say how its volume is:\n{said}"));
    assert!(mirror.contains(members), "not {members}: {mirror}");
    println!("{}: {}", root.trim(), mirror.trim());
}
