//! Chooses the root device among disks.

use super::{DiskFacts, RootDeviceHints};

/// A disk that is smaller never becomes the root device on its own.
pub const MIN_ROOT_BYTES: u64 = 4 << 30;

/// Why no disk can be the root device. The text says what to do, since an operator must.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootDeviceError {
    /// Hints are given, and no disk fits.
    #[error(
        "no disk matches the root device hints ({hints}); the disks are: {disks}; correct root_device in instance_info or properties of the node"
    )]
    NoMatch {
        /// The hints.
        hints: String,
        /// The disks there are.
        disks: String,
    },
    /// There are no hints and no disk is large enough.
    #[error(
        "no disk has at least 4 GiB; the disks are: {disks}; add a larger one, or choose one by root_device in properties of the node"
    )]
    NoneLargeEnough {
        /// The disks there are.
        disks: String,
    },
}

/// The disk that gets the operating system: the first by name that fits the hints, or without hints the smallest.
///
/// # Errors
/// When no disk fits; the text names the hints and the disks.
pub fn root_device<'a>(
    disks: &'a [DiskFacts],
    hints: Option<&RootDeviceHints>,
) -> Result<&'a DiskFacts, RootDeviceError> {
    let Some(hints) = hints else {
        return smallest_disk(disks)
            .ok_or_else(|| RootDeviceError::NoneLargeEnough { disks: list(disks) });
    };
    disks
        .iter()
        .filter(|facts| hints.matches(facts))
        .min_by(|a, b| a.disk.name.cmp(&b.disk.name))
        .ok_or_else(|| RootDeviceError::NoMatch {
            hints: hints.to_string(),
            disks: list(disks),
        })
}

/// The smallest disk of at least 4 GiB; of equals the first by name.
#[must_use]
pub fn smallest_disk(disks: &[DiskFacts]) -> Option<&DiskFacts> {
    disks
        .iter()
        .filter(|facts| facts.disk.size >= MIN_ROOT_BYTES)
        .min_by(|a, b| (a.disk.size, &a.disk.name).cmp(&(b.disk.size, &b.disk.name)))
}

fn list(disks: &[DiskFacts]) -> String {
    if disks.is_empty() {
        return "none at all".to_owned();
    }
    let describe = |facts: &DiskFacts| {
        let serial = facts.disk.serial.as_deref().unwrap_or("no serial number");
        format!("{} ({} bytes, {serial})", facts.disk.name, facts.disk.size)
    };
    disks.iter().map(describe).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::Disk;

    fn disk(name: &str, gib: u64) -> DiskFacts {
        DiskFacts::from(Disk {
            name: format!("/dev/{name}"),
            size: gib << 30,
            ..Disk::default()
        })
    }

    #[test]
    fn without_hints_the_smallest_disk_that_is_large_enough_wins() {
        let disks = [
            disk("sda", 100),
            disk("sdb", 2),
            disk("sdd", 10),
            disk("sdc", 10),
        ];
        assert_eq!(root_device(&disks, None).unwrap().disk.name, "/dev/sdc");
        let error = root_device(&disks[1..2], None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("/dev/sdb (2147483648 bytes, no serial number)")
        );
    }

    #[test]
    fn hints_that_fit_no_disk_are_named_with_the_disks() {
        let disks = [disk("sda", 100)];
        let hints = RootDeviceHints::parse(&json!({"size": "> 200"})).unwrap();
        let error = root_device(&disks, Some(&hints)).unwrap_err().to_string();
        assert!(
            error.contains("size > 200 GiB") && error.contains("/dev/sda"),
            "{error}"
        );
    }

    #[test]
    fn a_small_disk_is_taken_when_hints_ask_for_it() {
        let hints = RootDeviceHints::parse(&json!({"name": "/dev/sdb"})).unwrap();
        let disks = [disk("sda", 100), disk("sdb", 1)];
        assert_eq!(
            root_device(&disks, Some(&hints)).unwrap().disk.name,
            "/dev/sdb"
        );
    }
}
