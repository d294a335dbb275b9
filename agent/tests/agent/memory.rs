//! How much memory the agent takes while it writes an image that is larger than that. Images that are packed, and the
//! agent of the ramdisk, are looked at in a virtual machine.

use serde_json::json;

use crate::conductor::Conductor;
use crate::loop_device::Loop;
use crate::orders::{image_info, write};
use crate::process::{Agent, Api, Place};

const MOST_KIB: u64 = 64 << 10;
const IMAGE_BYTES: u64 = 96 << 20;
const DISK_BYTES: u64 = 256 << 20;

#[tokio::test]
async fn of_a_whole_disk_takes_little() {
    let mut image = vec![0x5a; usize::try_from(IMAGE_BYTES).unwrap()];
    image[..512].copy_from_slice(&crate::deploy::image()[..512]);
    takes_little("whole-disk", &image).await;
}

#[tokio::test]
async fn of_a_partition_takes_little() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(IMAGE_BYTES).unwrap();
    let path = file.path().to_str().unwrap();
    ferric_agent::run::run("mkfs.ext4", &["-q", "-F", path]).unwrap();
    takes_little("partition", &std::fs::read(path).unwrap()).await;
}

async fn takes_little(image_type: &str, image: &[u8]) {
    let disk = Loop::empty(DISK_BYTES);
    let conductor = Conductor::start().await;
    let place = Place::new();
    let agent = place.start(&conductor, &["--only-device", disk.name()]);
    let api = Api::of(&conductor.heartbeat(1).await);
    let mut info = image_info(&conductor, image);
    for (key, value) in [
        ("image_type", json!(image_type)),
        ("root_mb", json!(128)),
        ("deploy_boot_mode", json!("bios")),
        ("disk_label", json!("msdos")),
    ] {
        info[key] = value;
    }
    let order = write(&disk.device, &info);
    let result = api.finished("deploy.execute_deploy_step", order).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    let peak = peak_kib(&agent);
    assert!(
        peak <= MOST_KIB,
        "it took {peak} KiB, more than {MOST_KIB} KiB"
    );
}

fn peak_kib(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.unwrap().trim().strip_suffix("kB").unwrap();
    kib.trim().parse().unwrap()
}
