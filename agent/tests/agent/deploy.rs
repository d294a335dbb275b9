//! A whole-disk image goes to a disk through the command API, as a conductor has it done.

use std::os::unix::fs::FileExt;

use serde_json::{Value, json};

use crate::conductor::{Conductor, NODE, TOKEN, lookup_answer};
use crate::loop_device::Loop;
use crate::orders::{image_info, write};
use crate::process::{Agent, Api, Place};

struct Machine {
    conductor: Conductor,
    _place: Place,
    agent: Agent,
    api: Api,
    disk: Loop,
}

impl Machine {
    async fn new() -> Self {
        let disk = Loop::new();
        let conductor = Conductor::start().await;
        let mut answer = lookup_answer(TOKEN);
        answer["config"]["ferric"] = json!({"extensions": ["progress", "epoch", "discard"]});
        conductor.answer_lookups([(200, answer)]);
        let place = Place::new();
        let agent = place.start(&conductor, &["--only-device", disk.name()]);
        let api = Api::of(&conductor.heartbeat(1).await);
        Self {
            conductor,
            _place: place,
            agent,
            api,
            disk,
        }
    }

    async fn write(&self, image_info: &Value) -> Value {
        let order = write(&self.disk.device, image_info);
        self.api.finished("deploy.execute_deploy_step", order).await
    }

    async fn uuids(&self) -> Value {
        let answer = self
            .api
            .command("standby.get_partition_uuids", json!({}))
            .await;
        answer.body["command_result"].clone()
    }
}

/// A disk image with an MBR that has an id and one partition.
pub(crate) fn image() -> Vec<u8> {
    let mut image = vec![0; 4 << 20];
    image[440..444].copy_from_slice(&0x1234_abcd_u32.to_le_bytes());
    image[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image[1 << 20..].fill(0x5a);
    image
}

#[tokio::test]
async fn an_image_is_written_and_described() {
    let machine = Machine::new().await;
    assert_eq!(machine.uuids().await, json!({}));
    let info = image_info(&machine.conductor, &image());
    let result = machine.write(&info).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    assert_eq!(result["command_error"], Value::Null);
    let device = machine.disk.name();
    let text = format!("image (os.raw) written to device {device} root_uuid=0x1234abcd");
    let expected = json!({
        "deploy_result": text,
        "deploy_step": {"interface": "deploy", "step": "write_image"},
    });
    assert_eq!(result["command_result"], expected);
    let progress = &result["ferric_progress"];
    assert_eq!(progress["phase"], "done");
    assert_eq!(
        (&progress["bytes_total"], &progress["bytes_written"]),
        (&json!(4 << 20), &json!(4 << 20))
    );
    assert!(
        machine.disk.content()[..4 << 20] == image(),
        "the disk does not hold the image"
    );
    assert_eq!(machine.uuids().await, json!({"root uuid": "0x1234abcd"}));
    let loader = json!({"root_uuid": "0x1234abcd", "target_boot_mode": "bios"});
    let result = machine
        .api
        .finished("image.install_bootloader", loader)
        .await;
    assert_eq!(
        (&result["command_status"], &result["command_result"]),
        (&json!("SUCCEEDED"), &Value::Null)
    );
}

#[tokio::test]
async fn an_image_is_taken_back_and_the_disk_does_not_boot() {
    let machine = Machine::new().await;
    let discard = async || {
        let api = &machine.api;
        let answer = api.command("standby.discard_image", json!({})).await;
        assert_eq!(answer.body["command_status"], "SUCCEEDED");
        answer.body["command_result"].clone()
    };
    assert_eq!(discard().await, Value::Null, "nothing has been written");
    assert!(
        machine.disk.content() == Loop::pattern(),
        "a disk that this boot has not written is left alone"
    );
    let info = image_info(&machine.conductor, &image());
    machine.write(&info).await;
    assert_eq!(discard().await, json!({"device": machine.disk.name()}));
    let content = machine.disk.content();
    assert!(content[..1 << 20].iter().all(|byte| *byte == 0));
    assert_eq!(machine.uuids().await, json!({}));
}

#[tokio::test]
async fn an_image_is_verified_by_sha512() {
    let machine = Machine::new().await;
    let mut info = image_info(&machine.conductor, &image());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &image());
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    info["os_hash_algo"] = json!("sha512");
    let mut wrong = digest.as_ref().to_vec();
    wrong[63] ^= 1;
    info["os_hash_value"] = json!(hex(&wrong));
    let result = machine.write(&info).await;
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let details = result["command_error"]["details"].as_str().unwrap();
    assert!(details.contains(&hex(digest.as_ref())), "{details}");
    assert!(machine.disk.content()[..512].iter().all(|byte| *byte == 0));
    info["os_hash_value"] = json!(hex(digest.as_ref()));
    let result = machine.write(&info).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    assert!(machine.disk.content()[..4 << 20] == image());
}

/// A config drive with nothing on it.
fn config_drive() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (iso, tree) = (path("iso"), path("tree"));
    std::fs::create_dir(&tree).unwrap();
    let options = ["-quiet", "-J", "-V", "config-2", "-o", &iso, &tree];
    ferric_agent::run::run("genisoimage", &options).unwrap();
    std::fs::read(iso).unwrap()
}

/// The order to write an image and a config drive that the conductor serves.
fn with_config_drive(machine: &Machine, image: &[u8], drive: &[u8]) -> Value {
    let info = image_info(&machine.conductor, image);
    let mut order = write(&machine.disk.device, &info);
    let url = machine.conductor.serve_file("drive", drive.to_vec());
    order["step"]["args"]["configdrive"] = json!(url);
    order
}

/// The config drive comes before what makes the disk boot; here it has no room.
#[tokio::test]
async fn a_config_drive_that_does_not_fit_leaves_a_disk_without_a_table() {
    let machine = Machine::new().await;
    let order = with_config_drive(&machine, &image(), &config_drive());
    let result = machine
        .api
        .finished("deploy.execute_deploy_step", order)
        .await;
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let details = result["command_error"]["details"].as_str().unwrap();
    assert!(
        details.contains("no room for a partition of 64 MiB"),
        "{details}"
    );
    assert!(machine.disk.content()[..512].iter().all(|byte| *byte == 0));
    assert_eq!(machine.uuids().await, json!({}));
}

/// The agent dies at the moment from which on the disk boots.
#[tokio::test]
async fn a_disk_that_boots_has_its_config_drive() {
    let machine = Machine::new().await;
    let drive = config_drive();
    let mut image = image();
    // A second partition, of 1 MiB at 2 MiB, that is recognised by the label of what is in it.
    image[462..478].copy_from_slice(&[0, 0, 0, 0, 12, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0]);
    let place = 2 << 20;
    image[place..place + 0x9000].copy_from_slice(&drive[..0x9000]);
    let order = with_config_drive(&machine, &image, &drive);
    let name = "deploy.execute_deploy_step";
    assert_eq!(machine.api.command(name, order).await.status, 200);
    let device = std::fs::File::open(&machine.disk.device).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut id = [0; 4];
    while id != 0x1234_abcd_u32.to_le_bytes() {
        assert!(std::time::Instant::now() < deadline, "it was not written");
        device.read_exact_at(&mut id, 440).unwrap();
        tokio::task::yield_now().await;
    }
    machine.agent.crash();
    let mut found = vec![0; drive.len()];
    device.read_exact_at(&mut found, place as u64).unwrap();
    assert!(found == drive, "the config drive is not on the disk");
}

#[tokio::test]
async fn the_older_command_answers_with_its_name_before_the_text() {
    let machine = Machine::new().await;
    let info = image_info(&machine.conductor, &image());
    // Without hints the disk is too small to be chosen, and this command has no node but that of the lookup.
    let result = machine
        .api
        .finished("standby.prepare_image", json!({"image_info": info}))
        .await;
    assert_eq!(result["command_status"], "FAILED");
    let error = &result["command_error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("DeviceNotFound"), &json!(404))
    );
    let details = error["details"].as_str().unwrap();
    assert!(
        details.starts_with("no disk has at least 4 GiB"),
        "{details}"
    );
}

/// Under Ironic's conductor, whose fast track keeps an agent for longer than its node stays as it was.
#[tokio::test]
async fn hints_that_came_after_the_lookup_are_the_ones_that_count() {
    let (disk, conductor, place) = (Loop::new(), Conductor::start().await, Place::new());
    let _agent = place.start(&conductor, &["--only-device", disk.name()]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let mut answer = lookup_answer(TOKEN);
    answer["node"]["properties"]["root_device"] = json!({"name": disk.name()});
    conductor.answer_lookups([(200, answer)]);
    let params = json!({"image_info": image_info(&conductor, &image())});
    let prepare = async || api.finished("standby.prepare_image", params.clone()).await;
    let result = prepare().await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    assert_eq!(conductor.lookups()[1].query["node_uuid"], NODE);

    let elsewhere = json!({"uuid": NODE, "properties": {"root_device": {"name": "/dev/nowhere"}}});
    let listed = json!({"node": elsewhere, "ports": []});
    api.command("deploy.get_deploy_steps", listed).await;
    let result = prepare().await;
    assert_eq!(result["command_status"], "FAILED", "{result}");
    let details = result["command_error"]["details"].as_str().unwrap();
    let expected = "no disk matches the root device hints";
    assert!(details.starts_with(expected), "{details}");
    assert_eq!(conductor.lookups().len(), 2);
}

#[tokio::test]
async fn an_image_that_cannot_be_written_fails_with_its_cause() {
    let machine = Machine::new().await;
    let good = image_info(&machine.conductor, &image());
    let changed = |key: &str, value: Value| {
        let mut info = good.clone();
        info[key] = value;
        info
    };
    let missing = format!("{}/files/no-such-file", machine.conductor.url);
    for (info, expected) in [
        (
            changed("os_hash_value", json!("0".repeat(64))),
            "has the checksum",
        ),
        (changed("urls", json!([missing])), "answered 404"),
        (image_info(&machine.conductor, &[7; 1 << 20]), "cannot boot"),
        (image_info(&machine.conductor, &[7; 16 << 20]), "bytes"),
    ] {
        let result = machine.write(&info).await;
        assert_eq!(result["command_status"], "FAILED", "{result}");
        let details = result["command_error"]["details"].as_str().unwrap();
        assert!(details.contains(expected), "{details}");
        assert_eq!(machine.uuids().await, json!({}));
    }
    // A disk that failed does not boot, and can be written afterwards.
    assert!(machine.disk.content()[..512].iter().all(|byte| *byte == 0));
    let good = image_info(&machine.conductor, &image());
    let result = machine.write(&good).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
}
