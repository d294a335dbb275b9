//! Disks that say that they have erased themselves, and have not: a drive of NVMe that is formatted, and a disk that is
//! told to write zeroes. What they are is a server that drops both wishes.

use super::{BLOCK_BYTES, DATA, assert_erased, blocks_of, fill, managed};
use crate::machines::told;
use ferric_tests::images::top;
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Disk, Firmware, Machine};
use ferric_tests::process::{Running, command};
use ferric_tests::wait;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

const DISK_BYTES: usize = 64 << 20;
const START: Duration = Duration::from_secs(60);
const HONEST: &str = "honest";
const OF_NVME: &str = "liar-of-nvme";
const OF_VIRTIO: &str = "liar-of-virtio";

#[test]
fn of_a_disk_is_caught() {
    let disks = vec![
        Disk::new("virtio", "64MiB", HONEST),
        Disk {
            nbd: Some("liar-of-nvme.sock"),
            ..Disk::new("nvme", "64MiB", OF_NVME)
        },
        Disk {
            nbd: Some("liar-of-virtio.sock"),
            ..Disk::new("virtio", "64MiB", OF_VIRTIO)
        },
    ];
    let machine = Machine::new(1, "m1", Firmware::Bios).disks(disks);
    told(
        Lab::start(&Plan::new("ignored-erase", vec![machine])).unwrap(),
        |lab| {
            fill(&lab.disk("m1", 0), DISK_BYTES);
            let _liars = [OF_NVME, OF_VIRTIO].map(|name| start_liar(lab, name));
            let node = managed(lab, "m1");
            let steps = json!([{ "interface": "deploy", "step": "erase_devices" }]);
            node.start_clean(&steps).unwrap();
            let error = node.fails("clean failed").unwrap();
            println!("last_error: {error}");
            for words in [OF_NVME, OF_VIRTIO] {
                assert!(
                    error.contains(words),
                    "{error:?} does not name the disk {words}"
                );
            }
            assert_eq!(
                error.matches("ignored its erase").count(),
                2,
                "of each liar: {error:?}"
            );
            assert!(!error.contains(HONEST), "{error:?}");

            // As it was meant to be: the honest disk is empty, and the liar has all but what was written to find it out.
            assert_erased(&lab.disk("m1", 0));
            let (kept, blocks) = blocks_of(&bytes_of(lab, OF_NVME), DATA);
            assert!(
                kept > 0 && blocks == DISK_BYTES / BLOCK_BYTES,
                "{kept} of {blocks} MiB are as they were"
            );
            let (zeroes, _) = blocks_of(&bytes_of(lab, OF_VIRTIO), 0);
            assert_eq!(zeroes, 0, "the liar has written zeroes");
        },
    );
}

/// Where a liar has its bytes.
fn bytes_of(lab: &Lab, name: &str) -> PathBuf {
    lab.folder().join(format!("{name}.raw"))
}

/// Serves a disk full of data, and returns once it can be connected to.
fn start_liar(lab: &Lab, name: &str) -> Running {
    let bytes = bytes_of(lab, name);
    fill(&bytes, DISK_BYTES);
    let socket = lab.folder().join(format!("{name}.sock"));
    let mut server = command("nbdkit");
    server.args(["--foreground", "--unix"]).arg(&socket);
    server
        .arg("python")
        .arg(top().join("tests/agent-vm/ignoring_disk.py"));
    server.arg(format!("disk={}", bytes.display()));
    let log = lab.folder().join(format!("{name}.log"));
    let mut running = Running::start("nbdkit", &mut server, &log).unwrap();
    wait::until("the NBD server", START, || {
        running.check()?;
        Ok(socket.exists().then_some(()))
    })
    .unwrap();
    running
}
