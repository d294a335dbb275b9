//! Recorded machines for tests: folders that look like `/proc`, `/sys` and `/dev`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Subject;
use super::lldp::Listening;
use crate::host::Host;
use crate::inventory::BmcDetection;

/// What firmware writes into structures of all versions, see `dmi`.
const FIRMWARE_TABLE: &str = include_str!("dmi/recorded/table.hex");

pub(super) fn firmware_table() -> Vec<u8> {
    let digits: Vec<u8> = FIRMWARE_TABLE
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub(super) struct Recorded(tempfile::TempDir);

impl Recorded {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            machine.write(name, content);
        }
        machine
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A link to another file of the machine.
    pub(super) fn link(&self, name: &str, target: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.path(target), path).unwrap();
    }

    /// The machine, of whose disks those can be seen that are named, such as `dev/sda`.
    pub(super) fn host(&self, disks: &[&str]) -> Host {
        let disks: Vec<PathBuf> = disks.iter().map(|disk| self.path(disk)).collect();
        Host::recorded(self.0.path(), &disks).unwrap()
    }

    pub(super) fn subject(&self, disks: &[&str]) -> Subject {
        Subject {
            host: self.host(disks),
            managers: Arc::default(),
            bootif: None,
            detection: BmcDetection::Skip,
            token: None,
            listening: Listening::new(Duration::ZERO, false),
        }
    }
}
