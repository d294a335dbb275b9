//! Loop devices for tests. They need root, and a test that cannot have one fails with that message.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::partitions::partition_node;
use super::settle::retry;
use crate::host::Host;
use crate::run::run;

pub(crate) struct LoopDisk {
    device: PathBuf,
    host: Host,
    /// The kernel takes the device away with its last user, also when the test is killed.
    _open: std::fs::File,
    _file: tempfile::NamedTempFile,
}

impl LoopDisk {
    /// A block device in a file, empty, with partition scanning.
    pub(crate) fn new(bytes: u64, sector_bytes: u32) -> Self {
        Self::with_options(bytes, sector_bytes, &["--partscan"])
    }

    /// One of which the kernel shows no partitions.
    pub(crate) fn unscanned(bytes: u64) -> Self {
        Self::with_options(bytes, 512, &[])
    }

    fn with_options(bytes: u64, sector_bytes: u32, options: &[&str]) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(bytes).unwrap();
        let (sector, path) = (sector_bytes.to_string(), file.path().to_str().unwrap());
        let arguments = ["--find", "--show", "--sector-size", &sector, path];
        let made = run("losetup", &[options, &arguments].concat());
        let made = made.expect("tests of block devices need root and loop devices");
        let device = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
        let open = std::fs::File::open(&device).unwrap();
        run("losetup", &["--detach", device.to_str().unwrap()]).unwrap();
        let host = Host::detect(std::slice::from_ref(&device)).unwrap();
        Self {
            device,
            host,
            _open: open,
            _file: file,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.device
    }

    /// Permits this device alone.
    pub(crate) fn host(&self) -> Host {
        self.host.clone()
    }

    /// The node of a partition, once it is there.
    pub(crate) fn partition(&self, number: u32) -> PathBuf {
        retry(Duration::from_secs(10), || {
            partition_node(&self.device, number).ok_or(())
        })
        .unwrap()
    }

    pub(crate) fn partition_count(&self) -> usize {
        (1..20)
            .filter(|number| partition_node(&self.device, *number).is_some())
            .count()
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // The flag would stay with the number and surprise whoever gets it next.
        drop(run("blockdev", &["--setrw", self.device.to_str().unwrap()]));
    }
}
