//! Software RAID 1 that UEFI boots from: with both disks, and with either of them alone. BIOS does so by the GRUB that
//! the image installs, where that is allowed.

use super::managed;
use crate::machines::{LOGIN, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const HOST_NAME: &str = "mirror";
/// An initramfs waits 20 s for a mirror's second half, and each of its seconds is long where the processor is emulated.
const DEGRADED: Duration = Duration::from_secs(900);
/// Where `image-build/lib/os_disk.py` puts the root.
const ROOT_FIRST: u64 = 18 << 20;
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
            let login = format!("{HOST_NAME} login:");
            deploys(lab, &node, &login);
            for (removed, members) in [(0, "[_U]"), (1, "[U_]")] {
                node.shuts_down().unwrap();
                lab.put_disk("m1", removed, "out").unwrap();
                let console = lab.serial("m1").len();
                node.power("power on", "power on").unwrap();
                boots(lab, console, &login, members);
                node.shuts_down().unwrap();
                // What the other half has written meanwhile it does not know: the disk boots as it was left.
                lab.put_disk("m1", removed, "in").unwrap();
            }
        },
    );
}

#[test]
fn boots_with_bios_by_the_grub_of_the_image_after_either_disk_is_removed() {
    let disks = ["raid-0", "raid-1"].map(|serial| Disk::new("virtio", "6GiB", serial));
    let machine = Machine::new(1, "m1", Firmware::Bios).disks(disks.to_vec());
    told(
        Lab::start(&Plan::new("raidbios", vec![machine])).unwrap(),
        |lab| {
            let node = managed(lab, "m1");
            makes_volume(lab, &node);
            let parameters = json!("%default% ipa-enable-bios-bootloader-install=true");
            node.set("/driver_info/kernel_append_params", &parameters)
                .unwrap();
            node.set("/instance_info/image_rootfs_uuid", &json!(root_uuid(lab)))
                .unwrap();
            node.provide().unwrap();
            // The configuration that GRUB writes has no console on the serial line, so there is no prompt.
            deploys(lab, &node, "[UU]");
            for (removed, members) in [(0, "[_U]"), (1, "[U_]")] {
                node.shuts_down().unwrap();
                lab.put_disk("m1", removed, "out").unwrap();
                let console = lab.serial("m1").len();
                node.power("power on", "power on").unwrap();
                boots(lab, console, members, members);
                node.shuts_down().unwrap();
                lab.put_disk("m1", removed, "in").unwrap();
            }
        },
    );
}

/// Of the root of the system image, as the superblock of ext4 has it.
fn root_uuid(lab: &Lab) -> String {
    let raw = lab.folder().join("root.raw");
    let mut convert = command("qemu-img");
    convert.args(["convert", "-O", "raw"]);
    output(convert.arg(&lab.images().system).arg(&raw)).unwrap();
    let mut superblock = [0; 1024];
    let file = File::open(&raw).unwrap();
    file.read_exact_at(&mut superblock, ROOT_FIRST + 1024)
        .unwrap();
    assert_eq!(superblock[0x38..0x3a], [0x53, 0xef], "there is no ext4");
    std::fs::remove_file(raw).unwrap();
    let digits: String = superblock[0x68..0x78]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| digits[part].to_owned()).join("-")
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

fn deploys(lab: &Lab, node: &Node<'_>, sign: &str) {
    node.image(&lab.images().system).unwrap();
    let meta_data = json!({ "hostname": HOST_NAME, "name": HOST_NAME, "uuid": node.uuid });
    let drive = json!({ "meta_data": meta_data, "user_data": USER_DATA });
    let console = lab.serial("m1").len();
    node.ask("active", json!({ "configdrive": drive })).unwrap();
    node.becomes_active().unwrap();
    boots(lab, console, sign, "[UU]");
}

/// Waits for the sign of a system that stands on a volume with these members.
fn boots(lab: &Lab, console: usize, sign: &str, members: &str) {
    let serial = lab.serial("m1");
    serial.wait_for(sign, console, DEGRADED.max(LOGIN)).unwrap();
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
