//! Each failure of the machine, its BMC or its image ends in the right state in time, with one sentence that names the
//! cause, with a disk that does not boot, and the node can be deployed afterwards.

use super::{LOGIN, TWO_MINUTES, available, told};
use ferric_tests::disk::partition_table;
use ferric_tests::lab::{Lab, PROVISION, Plan};
use ferric_tests::machine::{BMC_PASSWORD, Disk, Firmware, Machine};
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

const BOOT: Duration = Duration::from_secs(300);
const WWN: &str = "0x5000c50015ea7001";

/// When the cause of a failure came about.
#[derive(Clone, Copy)]
enum Since {
    This(Instant),
    /// The agent was told to write the image, or said last how far it was.
    Writing,
}

/// From the last word about the writing to the failure, by the node's timeline.
fn after_writing(node: &Node<'_>) -> Duration {
    let events = node.events(0).unwrap();
    let at = |is: &dyn Fn(&serde_json::Value) -> bool| {
        let event = events.iter().rfind(|event| is(event)).unwrap();
        let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
        at
    };
    let writing = at(&|event| {
        let kind = event["event"].as_str().unwrap_or_default();
        matches!(kind, "step_started" | "progress") && event["step"]["step"] == "write_image"
    });
    let failed = at(&|event| event["event"] == "state_changed" && event["to"] == "deploy failed");
    failed.duration_since(writing).unsigned_abs()
}

/// Waits for `deploy failed` and checks its sentence and how long it took.
fn fails_with(node: &Node<'_>, since: Since, words: &[&str]) {
    let failed = ferric_tests::wait::until(&format!("{} to fail", node.name), BOOT, || {
        let node = node.get()?;
        Ok((node["provision_state"] == "deploy failed").then_some(node))
    })
    .unwrap();
    let took = match since {
        Since::This(since) => since.elapsed(),
        Since::Writing => after_writing(node),
    };
    assert!(took < TWO_MINUTES, "it took {} s", took.as_secs());
    let error = failed["last_error"].as_str().unwrap();
    println!("after {} s: last_error: {error}", took.as_secs());
    for word in words {
        assert!(
            error.to_lowercase().contains(&word.to_lowercase()),
            "{error:?} does not say {word:?}"
        );
    }
    assert!(
        !error.trim_end_matches('.').contains('\n'),
        "one sentence: {error:?}"
    );
}

fn does_not_boot(lab: &Lab) {
    // The machine may still be going down.
    ferric_tests::wait::until(
        "no partition table on the disk",
        Duration::from_secs(60),
        || Ok(partition_table(&lab.disk("m1", 0))?.is_none().then_some(())),
    )
    .unwrap();
}

fn is_off(node: &Node<'_>) {
    ferric_tests::wait::until("the machine to be off", Duration::from_secs(60), || {
        Ok((node.get()?["power_state"] == "power off").then_some(()))
    })
    .unwrap();
}

#[test]
fn of_machine_bmc_and_image() {
    // The smaller disk is taken as long as nobody asks for another one.
    let root = Disk {
        wwn: Some(WWN),
        ..Disk::new("scsi", "6GiB", "m1-root")
    };
    let disks = vec![root, Disk::new("virtio", "8GiB", "m1-data")];
    let machine = Machine::new(1, "m1", Firmware::Bios).disks(disks);
    let lab = Lab::start(&Plan::new("failures", vec![machine])).unwrap();
    told(lab, |lab| {
        refused_password(lab);
        let node = available(lab, "m1");
        node.image(&lab.images().system).unwrap();
        changed_password(&node);
        missing_image(lab, &node);
        no_disk_fits(lab, &node);
        image_too_large(lab, &node);
        wrong_checksum(lab, &node);
        power_lost(lab, &node);
        deploys_after_all(lab, &node);
    });
}

fn refused_password(lab: &Lab) {
    let body = json!({
        "name": "stranger", "driver": "redfish",
        "driver_info": { "redfish_address": lab.machine("m1").bmc_url(), "redfish_username": "admin", "redfish_password": "wrong" },
    });
    lab.api().post("/v1/nodes", &body).unwrap();
    let node = Node::known(lab, "stranger").unwrap();
    let asked = Instant::now();
    node.ask("manage", json!({})).unwrap();
    let failed = ferric_tests::wait::until("the verification to fail", TWO_MINUTES, || {
        let node = node.get()?;
        Ok((node["provision_state"] == "enroll" && !node["last_error"].is_null()).then_some(node))
    })
    .unwrap();
    assert!(asked.elapsed() < TWO_MINUTES);
    let error = failed["last_error"].as_str().unwrap();
    println!("last_error: {error}");
    assert!(error.contains("password"), "{error}");
    lab.api().delete("/v1/nodes/stranger").unwrap();
}

/// A password that is changed on the BMC after all went well is found out by the next deploy.
fn changed_password(node: &Node<'_>) {
    let password = "/driver_info/redfish_password";
    node.set(password, &json!("wrong")).unwrap();
    let asked = Instant::now();
    node.start_deploy("none").unwrap();
    fails_with(node, Since::This(asked), &["password", "driver_info"]);
    node.set(password, &json!(BMC_PASSWORD)).unwrap();
}

/// Found out before the machine is powered on.
fn missing_image(lab: &Lab, node: &Node<'_>) {
    let url = format!("http://{PROVISION}/images/{}/nothing.qcow2", node.uuid);
    node.set("/instance_info/image_source", &json!(url))
        .unwrap();
    node.set("/instance_info/image_checksum", &json!("sha256:00"))
        .unwrap();
    let asked = Instant::now();
    let answer = lab.api().call(
        Method::PUT,
        &format!("/v1/nodes/{}/states/provision", node.uuid),
        Some(&json!({ "target": "active" })),
    );
    assert_eq!(answer.unwrap().status, 202);
    fails_with(node, Since::This(asked), &["404", "image_source"]);
    lab.api()
        .patch(
            &format!("/v1/nodes/{}", node.uuid),
            &json!([{ "op": "remove", "path": "/instance_info/image_checksum" }]),
        )
        .unwrap();
    node.image(&lab.images().system).unwrap();
}

fn no_disk_fits(lab: &Lab, node: &Node<'_>) {
    node.set(
        "/instance_info/root_device",
        &json!({ "serial": "nobody-has-this" }),
    )
    .unwrap();
    node.start_deploy("none").unwrap();
    fails_with(node, Since::Writing, &["disk", "serial", "nobody-has-this"]);
    is_off(node);
    lab.api()
        .patch(
            &format!("/v1/nodes/{}", node.uuid),
            &json!([{ "op": "remove", "path": "/instance_info/root_device" }]),
        )
        .unwrap();
}

fn image_too_large(lab: &Lab, node: &Node<'_>) {
    let image = lab.folder().join("large.qcow2");
    output(
        command("qemu-img")
            .args(["create", "-q", "-f", "qcow2"])
            .arg(&image)
            .arg("100G"),
    )
    .unwrap();
    node.image(&image).unwrap();
    node.start_deploy("none").unwrap();
    fails_with(node, Since::Writing, &["image", "larger", "disk"]);
    node.image(&lab.images().system).unwrap();
}

fn wrong_checksum(lab: &Lab, node: &Node<'_>) {
    node.set("/instance_info/image_os_hash_algo", &json!("sha256"))
        .unwrap();
    node.set("/instance_info/image_os_hash_value", &json!("0".repeat(64)))
        .unwrap();
    node.start_deploy("none").unwrap();
    fails_with(node, Since::Writing, &["checksum"]);
    is_off(node);
    does_not_boot(lab);
    let remove = |key: &str| json!({ "op": "remove", "path": format!("/instance_info/{key}") });
    let patch = json!([remove("image_os_hash_algo"), remove("image_os_hash_value")]);
    lab.api()
        .patch(&format!("/v1/nodes/{}", node.uuid), &patch)
        .unwrap();
}

fn power_lost(lab: &Lab, node: &Node<'_>) {
    node.start_deploy("none").unwrap();
    node.writes(1 << 20).unwrap();
    let cut = Instant::now();
    lab.power("m1", "cut").unwrap();
    fails_with(node, Since::This(cut), &["power"]);
    does_not_boot(lab);
}

/// And even then the machine is reset in the middle of it, and boots the ramdisk again by itself.
fn deploys_after_all(lab: &Lab, node: &Node<'_>) {
    let serial = lab.serial("m1");
    node.set("/instance_info/root_device", &json!({ "wwn": WWN }))
        .unwrap();
    node.start_deploy("survivor").unwrap();
    node.writes(1 << 20).unwrap();
    let console = serial.len();
    lab.power("m1", "reset").unwrap();
    node.becomes_active().unwrap();
    let events = node.events(0).unwrap();
    let resumed = events.iter().rfind(|event| event["event"] == "resumed");
    let detail = resumed.unwrap()["detail"].as_str().unwrap();
    assert!(
        detail.contains("deploy.write_image is begun again"),
        "{detail}"
    );
    let by_bmc = events
        .iter()
        .filter_map(|event| event["text"].as_str())
        .any(|text| text.starts_with("switched off by the BMC"));
    assert!(!by_bmc, "the agent did not switch the machine off itself");
    serial.wait_for("survivor login:", console, LOGIN).unwrap();
    let logs = format!("state/ramdisk-logs/{}.tar.gz", node.uuid);
    assert!(
        lab.folder().join(&logs).metadata().unwrap().len() > 0,
        "no {logs} of the deploys that failed"
    );
}
