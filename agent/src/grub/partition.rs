//! Partitions by the ids on them.

use std::path::{Path, PathBuf};

use super::GrubError;
use crate::host::Host;
use crate::inject::nodes;
use crate::run::run;

/// What a partition can be named by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) file_system: Option<String>,
    pub(super) partition: Option<String>,
}

impl Ids {
    /// As mount and fstab take it.
    pub(super) fn source(&self) -> Option<String> {
        self.sources().next()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = String> {
        let file_system = self.file_system.iter().map(|id| format!("UUID={id}"));
        let partition = self.partition.iter().map(|id| format!("PARTUUID={id}"));
        file_system.chain(partition)
    }

    fn has(&self, id: &str) -> bool {
        let mut ids = self.file_system.iter().chain(&self.partition);
        ids.any(|own| own.eq_ignore_ascii_case(id))
    }
}

/// The ids of a partition; none where nothing that is known is on it.
pub(super) fn ids(node: &Path) -> Ids {
    match run("blkid", &["-p", "-o", "export", &node.to_string_lossy()]) {
        Ok(told) => ids_in(&String::from_utf8_lossy(&told.stdout)),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::info!(?node, error, "a partition without an id");
            Ids::default()
        }
    }
}

fn ids_in(told: &str) -> Ids {
    let value = |name: &str| {
        let found = told.lines().find_map(|line| line.strip_prefix(name));
        // These characters no id has, and a file system may say anything.
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let found = found.filter(|id| !id.is_empty() && id.bytes().all(is_id));
        found.map(str::to_owned)
    };
    Ids {
        file_system: value("UUID="),
        partition: value("PART_ENTRY_UUID="),
    }
}

/// The partition of a disk with this id.
pub(super) fn with_id(host: &Host, device: &Path, id: &str) -> Result<PathBuf, GrubError> {
    let mut nodes = nodes(host, device)?.into_iter();
    let found = nodes.find(|node| ids(node).has(id));
    found.ok_or_else(|| GrubError::NoRoot {
        device: device.to_owned(),
        id: id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_file_system_and_of_the_partition() {
        let told = "DEVNAME=/dev/sda1\nUUID=ABCD-1234\nTYPE=vfat\nPART_ENTRY_UUID=1122-33\n";
        let ids = ids_in(told);
        let sources: Vec<String> = ids.sources().collect();
        assert_eq!(sources, ["UUID=ABCD-1234", "PARTUUID=1122-33"]);
        assert!(ids.has("abcd-1234") && ids.has("1122-33") && !ids.has("x"));
        assert_eq!(ids_in("UUID=a b\nUUID_SUB=c\n"), Ids::default());
    }
}
