//! Each failure of the machine, its BMC or its image ends in the right state in time, with one sentence that names the
//! cause, with a disk that does not boot, and the node can be deployed afterwards.

use super::{LOGIN, TWO_MINUTES, available, lab, told};
use ferric_tests::disk::partition_table;
use ferric_tests::lab::{Lab, PROVISION};
use ferric_tests::machine::Firmware;
use ferric_tests::node::Node;
use ferric_tests::process::{command, output};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

const BOOT: Duration = Duration::from_secs(300);

/// Waits for `deploy failed` and checks its sentence. `since`: when the cause came about.
fn fails_with(node: &Node<'_>, since: Option<Instant>, words: &[&str]) {
    let failed = ferric_tests::wait::until(&format!("{} to fail", node.name), BOOT, || {
        let node = node.get()?;
        Ok((node["provision_state"] == "deploy failed").then_some(node))
    })
    .unwrap();
    if let Some(since) = since {
        assert!(
            since.elapsed() < TWO_MINUTES,
            "it took {} s",
            since.elapsed().as_secs()
        );
    }
    let error = failed["last_error"].as_str().unwrap();
    println!("last_error: {error}");
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
    told(lab("failures", Firmware::Bios), |lab| {
        refused_password(lab);
        let node = available(lab, "m1");
        node.image(&lab.images().system).unwrap();
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
    fails_with(node, Some(asked), &["404", "image_source"]);
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
    fails_with(node, None, &["disk", "serial", "nobody-has-this"]);
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
    fails_with(node, None, &["image", "larger", "disk"]);
    node.image(&lab.images().system).unwrap();
}

fn wrong_checksum(lab: &Lab, node: &Node<'_>) {
    node.set("/instance_info/image_os_hash_algo", &json!("sha256"))
        .unwrap();
    node.set("/instance_info/image_os_hash_value", &json!("0".repeat(64)))
        .unwrap();
    node.start_deploy("none").unwrap();
    fails_with(node, None, &["checksum"]);
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
    fails_with(node, Some(cut), &["power"]);
    does_not_boot(lab);
}

fn deploys_after_all(lab: &Lab, node: &Node<'_>) {
    let serial = lab.serial("m1");
    let console = serial.len();
    node.start_deploy("survivor").unwrap();
    node.becomes_active().unwrap();
    serial.wait_for("survivor login:", console, LOGIN).unwrap();
}
