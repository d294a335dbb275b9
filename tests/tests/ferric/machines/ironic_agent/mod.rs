//! Ironic's own agent under Ferric's conductor: it inspects, cleans and deploys a machine. What it finds, by lshw, lsblk,
//! lscpu, dmidecode and ipmitool, is what our agent has found on the same machine.

mod bond;
mod differences;
mod multipath;
mod volume;

use crate::machines::{LOGIN, told};
use differences::differences;
use ferric_tests::disk::partition_table;
use ferric_tests::images::top;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Ipmi, Machine};
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use serde_json::{Value, json};
use std::time::Duration;

/// Python starts slowly where the processor is emulated, and this ramdisk is ten times as large as ours.
const PATIENCE: Duration = Duration::from_secs(2400);
/// It unpacks into memory.
const MEMORY_MIB: u32 = 3584;
const VERSION: &str = "13.0.0";
/// The host name in its ramdisk.
const RAMDISK: &str = "ironic-agent";
const HOST_NAME: &str = "deployed-by-ironics";
/// What a BMC has that has none; where nobody was asked these are null.
const NO_ADDRESS: &str = "0.0.0.0";
const NO_IPV6: &str = "::/0";
const BMC_ADDRESS: &str = "192.0.2.7";
const BMC_MAC: &str = "52:54:00:fe:02:01";
const SECOND_MAC: &str = "52:54:00:fe:01:01";
/// What is collected beside the inventory, by the keys that it has in the plugin data.
const COLLECTED: [&str; 4] = ["dmi", "numa_topology", "pci_devices", "usb_devices"];
const COLLECTORS: &str = "default,logs,pci-devices,numa-topology,dmi-decode,usb-devices";

#[test]
fn inspects_cleans_and_deploys() {
    let disks = vec![
        Disk::new("virtio", "6GiB", "m1-root"),
        Disk::new("nvme", "1GiB", "m1-nvme"),
        Disk {
            wwn: Some("0x5000c50015ea7001"),
            ..Disk::new("scsi", "1GiB", "m1-scsi")
        },
    ];
    let machine = Machine::new(1, "m1", Firmware::Uefi)
        .disks(disks)
        .memory_mib(MEMORY_MIB)
        .more_macs(&[SECOND_MAC])
        .with_ipmi(Ipmi::Simulator {
            address: BMC_ADDRESS,
            mac: BMC_MAC,
            ipv6: None,
        });
    let plan = Plan::new("ironic-agent", vec![machine]);
    told(Lab::start(&plan).unwrap(), |lab| {
        let node = lab.enroll("m1").unwrap();
        let root = json!({ "serial": "m1-root" });
        node.set("/properties/root_device", &root).unwrap();
        // The VLAN gets no address, so both agents wait as long as they may, and both cards have theirs by then.
        let parameters = format!(
            "ipa-enable-vlan-interfaces={SECOND_MAC}.100 ipa-inspection-dhcp-all-interfaces=1"
        );
        collects(&node, &parameters);
        node.manage().unwrap();
        let ours = inspected(lab, &node);
        let interfaces = ours["inventory"]["interfaces"].as_array().unwrap().len();
        assert_eq!(interfaces, 3, "two interfaces and a VLAN: {ours}");
        assert_bmc(&ours, &json!([BMC_ADDRESS, BMC_MAC, NO_IPV6]));
        let before = node.events(0).unwrap().len();
        take_ironics(lab, &node);
        assert_same(&ours, &inspected(lab, &node));
        is_cleaned(lab, &node);
        is_deployed(lab, &node);
        assert_is_ironics(&node, before);
    });
}

/// Has both agents collect more than the inventory; with more parameters for them.
fn collects(node: &Node<'_>, more: &str) {
    let parameters = format!("%default% ipa-inspection-collectors={COLLECTORS} {more}");
    node.set("/driver_info/kernel_append_params", &json!(parameters))
        .unwrap();
}

/// From here on the machine boots the ramdisk with Ironic's agent.
fn take_ironics(lab: &Lab, node: &Node<'_>) {
    let made = top().join("target/ironic-agent");
    for (part, key) in [("kernel", "deploy_kernel"), ("initramfs", "deploy_ramdisk")] {
        // The conductor gives away only what lies in folders that are said to be for that.
        let copy = lab.folder().join(format!("ironic-agent.{part}"));
        std::fs::copy(made.join(part), &copy)
            .unwrap_or_else(|error| panic!("{error}: run tests/ironic-agent/build"));
        let path = format!("/driver_info/{key}");
        node.set(&path, &json!(format!("file://{}", copy.display())))
            .unwrap();
    }
}

/// Inspects; what was found, and what else was collected.
fn inspected(lab: &Lab, node: &Node<'_>) -> Value {
    node.ask("inspect", Value::Null).unwrap();
    node.leaves("manageable").unwrap();
    node.reaches("manageable", PATIENCE).unwrap();
    let path = format!("/v1/nodes/{}/inventory", node.uuid);
    let found = lab.api().get(&path).unwrap();
    let mut inspected = json!({ "inventory": found["inventory"] });
    for key in COLLECTED {
        let collected = &found["plugin_data"][key];
        assert!(!collected.is_null(), "no {key} was collected: {found}");
        inspected[key] = collected.clone();
    }
    inspected
}

/// The BMC has this IPv4 address, MAC and IPv6 address.
fn assert_bmc(found: &Value, expected: &Value) {
    let keys = ["bmc_address", "bmc_mac", "bmc_v6address"];
    let bmc = keys.map(|key| found["inventory"][key].clone());
    assert_eq!(json!(bmc), *expected, "{found}");
}

/// What our agent has found is what Ironic's has found.
fn assert_same(ours: &Value, theirs: &Value) {
    assert_eq!(theirs["inventory"]["hostname"], RAMDISK, "{theirs}");
    let found = differences(ours, theirs);
    assert!(
        found.is_empty(),
        "what the agents have found differs:\n{}",
        found.join("\n")
    );
}

/// The names of the disks that were found.
fn disks(found: &Value) -> Vec<&str> {
    let disks = found["inventory"]["disks"].as_array().unwrap();
    let mut names: Vec<&str> = disks
        .iter()
        .map(|disk| disk["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// All agents that were heard of since then were Ironic's.
fn assert_is_ironics(node: &Node<'_>, after: usize) {
    let events = node.events(0).unwrap();
    let heartbeats = events[after..]
        .iter()
        .filter(|event| event["event"] == "heartbeat");
    let versions: Vec<&Value> = heartbeats.map(|event| &event["version"]).collect();
    assert!(
        !versions.is_empty() && versions.iter().all(|version| **version == VERSION),
        "agents of versions {versions:?} were heard of"
    );
}

/// On the way to `available`: the metadata of all disks goes.
fn is_cleaned(lab: &Lab, node: &Node<'_>) {
    for number in 0..3 {
        let disk = lab.disk("m1", number);
        output(command("sgdisk").arg("--new=1:0:0").arg(&disk)).unwrap();
        assert!(partition_table(&disk).unwrap().is_some());
    }
    node.ask("provide", Value::Null).unwrap();
    node.reaches("available", PATIENCE).unwrap();
    for number in 0..3 {
        let left = partition_table(&lab.disk("m1", number)).unwrap();
        assert_eq!(left, None, "disk {number} was to be cleaned");
    }
    assert_eq!(done(node, "erase_devices_metadata"), 1);
}

/// A raw image, which Ironic's agent writes as it comes.
fn is_deployed(lab: &Lab, node: &Node<'_>) {
    let raw = lab.folder().join("system.raw");
    let convert = ["convert", "-O", "raw"];
    let system = &lab.images().system;
    output(command("qemu-img").args(convert).arg(system).arg(&raw)).unwrap();
    node.image(&raw).unwrap();
    let format = "/instance_info/image_disk_format";
    node.set(format, &json!("raw")).unwrap();
    let console = lab.serial("m1").len();
    node.start_deploy(HOST_NAME).unwrap();
    node.reaches("active", PATIENCE).unwrap();
    assert_eq!(done(node, "write_image"), 1);
    lab.serial("m1")
        .wait_for(&format!("{HOST_NAME} login:"), console, LOGIN)
        .unwrap();
}

/// How often a step was done.
fn done(node: &Node<'_>, step: &str) -> usize {
    let events = node.events(0).unwrap();
    let is_done = |event: &&Value| event["event"] == "step_done" && event["step"]["step"] == step;
    events.iter().filter(is_done).count()
}
