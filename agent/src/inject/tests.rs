//! The whole step on a loop device with two partitions, read back by a program that mounts nothing.

use serde_json::json;

use super::*;
use crate::disk::testing::LoopDisk;
use crate::image::{Patience, Stop};
use crate::run::run;

/// A partition with ext2, as not every kernel that this runs on has FAT, and one with ext4 and a directory `etc`.
fn disk() -> LoopDisk {
    let disk = LoopDisk::new(64 << 20, 512);
    let path = disk.path().to_str().unwrap();
    run("sgdisk", &["-n", "1:0:+16M", "-n", "2:0:0", path]).unwrap();
    drop(run("partx", &["--update", path]));
    let (first, second) = (disk.partition(1), disk.partition(2));
    run("mkfs.ext2", &["-q", first.to_str().unwrap()]).unwrap();
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("etc")).unwrap();
    let tree = tree.path().to_str().unwrap();
    run("mkfs.ext4", &["-q", "-d", tree, second.to_str().unwrap()]).unwrap();
    disk
}

fn injected(disk: &LoopDisk, files: &Value) -> Result<Value, String> {
    let node = json!({
        "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781",
        "properties": {"root_device": {"name": disk.path()}},
    });
    let node: Node = serde_json::from_value(node).unwrap();
    let http = crate::image::testing::settings();
    let source = Source {
        http: &http,
        patience: Patience::default(),
        stop: Stop::default(),
    };
    let host = disk.host();
    inject(&host, &node, &[], Some(files), &source)
        .map_err(|error| crate::commands::sentence(&error))
}

fn debugfs(device: &std::path::Path, request: &str) -> String {
    let output = run("debugfs", &["-R", request, device.to_str().unwrap()]).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn files_get_into_the_partition_with_their_directory_or_the_one_that_is_named() {
    let disk = disk();
    let (ext2, ext4) = (disk.partition(1), disk.partition(2));
    let result = injected(
        &disk,
        &json!([
            {"path": "/etc/ssh/key", "content": "aGVsbG8=", "mode": 0o600, "owner": 5, "group": 6},
            {"path": "/loader.conf", "content": "Ym9vdA==", "partition": 1},
            {"path": "/etc/gone", "content": "eA==", "partition": ext4},
            {"path": "/etc/gone", "deleted": true},
        ]),
    );
    let places: Vec<Value> = result.unwrap()["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["device"].clone())
        .collect();
    assert_eq!(places, [json!(ext4), json!(ext2), json!(ext4), json!(ext4)]);
    assert_eq!(debugfs(&ext4, "cat /etc/ssh/key"), "hello");
    let stat = debugfs(&ext4, "stat /etc/ssh/key");
    assert!(stat.contains("Mode:  0600"), "{stat}");
    let owner = stat.lines().find(|line| line.starts_with("User:")).unwrap();
    let words: Vec<&str> = owner.split_whitespace().collect();
    assert_eq!(words[..4], ["User:", "5", "Group:", "6"]);
    assert!(!debugfs(&ext4, "ls /etc").contains("gone"));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(
        !mounts.contains(disk.path().to_str().unwrap()),
        "nothing stays mounted"
    );
}

#[test]
fn nothing_is_written_if_anything_is_wrong_with_the_list() {
    let disk = disk();
    let good = json!({"path": "/etc/a", "content": "eA=="});
    for (bad, expected) in [
        (
            json!({"path": "/etc/b", "content": "?"}),
            "getting the content of /etc/b: it is neither base64",
        ),
        (json!({"path": "b", "content": ""}), "absolute path"),
    ] {
        let error = injected(&disk, &json!([good, bad])).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(!debugfs(&disk.partition(2), "ls /etc").contains(" a "));
    let error = injected(&disk, &json!([{"path": "/opt/x/y", "content": ""}])).unwrap_err();
    assert!(
        error.contains("has the directory /opt; looked at"),
        "{error}"
    );
    let error = injected(
        &disk,
        &json!([{"path": "/x", "content": "", "partition": 7}]),
    )
    .unwrap_err();
    assert!(error.ends_with("has no partition 7"), "{error}");
}

#[test]
fn a_device_that_was_not_named_is_not_mounted() {
    let (named, other) = (disk(), disk());
    let device = other.partition(2);
    let files = json!([{"path": "/etc/a", "content": "eA==", "partition": device}]);
    let error = injected(&named, &files).unwrap_err();
    assert!(error.contains("is refused"), "{error}");
}

#[test]
fn a_pipe_in_the_place_of_a_device_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let host = Host::recorded(directory.path(), std::slice::from_ref(&pipe)).unwrap();
    let error = Mounted::of(&host, &pipe).err().unwrap();
    assert!(matches!(error, InjectError::NoFileSystem { .. }), "{error}");
}
