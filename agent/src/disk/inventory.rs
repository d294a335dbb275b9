//! Which disks there are, and which of them gets the operating system.

use std::fs;
use std::time::Duration;

use ferric_agent_protocol::hints::{self, DiskFacts, RootDeviceHints};
use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;

use super::DiskError;
use super::block_device::{BlockDevice, Kind};
use super::error::doing;
use super::multipath;
use super::raid::{self, Choice, Hinted};
use super::settle::settle;
use crate::host::{Host, RootKind};
use crate::image::Stop;

/// The disks of this machine, by name.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn list_block_devices(host: &Host) -> Result<Vec<Disk>, DiskError> {
    Ok(disk_facts(host)?
        .into_iter()
        .map(|facts| facts.disk)
        .collect())
}

/// The disk that the operating system goes to: the RAID volume that the node calls its root; else by the hints of the
/// instance, else of the node, else the smallest of at least 4 GiB that no volume is made of. Disks on the node's skip
/// list are never chosen.
///
/// # Errors
/// When no disk fits, in one sentence with the hints and the disks.
pub fn root_device(host: &Host, node: Option<&Node>) -> Result<Disk, DiskError> {
    let hints = node.map(Node::root_device_hints).transpose()?.flatten();
    if let Some(node) = node {
        raid::assemble(host, node)?;
    }
    let mut disks = unskipped(disk_facts(host)?, node)?;
    if let Some(node) = node {
        let hinted = if hints.is_some() {
            Hinted::Yes
        } else {
            Hinted::No
        };
        disks = match raid::narrow(host, node, disks, hinted)? {
            Choice::Root(facts) => return Ok(facts.disk),
            Choice::Among(disks) => disks,
        };
    }
    Ok(hints::root_device(&disks, hints.as_ref())?.disk.clone())
}

/// How often a disk that is not there is looked for again, and after which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskWait {
    pub attempts: u32,
    pub delay: Duration,
}

/// The disk of [`root_device`], as soon as there is one that fits: some controllers show their disks late.
///
/// # Errors
/// As there, once that took too long or `stop` is requested.
pub fn wait_for_root_device(
    host: &Host,
    node: Option<&Node>,
    wait: DiskWait,
    stop: &Stop,
) -> Result<Disk, DiskError> {
    look_again(wait, stop, || root_device(host, node))
}

fn look_again<T>(
    wait: DiskWait,
    stop: &Stop,
    mut look: impl FnMut() -> Result<T, DiskError>,
) -> Result<T, DiskError> {
    for attempt in 1..=wait.attempts {
        match look() {
            Err(DiskError::RootDevice(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::info!(attempt, error, "waiting for the disk to write to");
            }
            found => return found,
        }
        if !stop.pause(wait.delay) {
            break;
        }
    }
    look()
}

/// The disks that may be erased: all but those on the node's skip list, and those of volumes on it.
///
/// # Errors
/// When the skip list cannot be understood, or the kernel's list cannot be read.
pub fn erasable_disks(host: &Host, node: Option<&Node>) -> Result<Vec<Disk>, DiskError> {
    if let Some(node) = node {
        raid::assemble_kept(host, node)?;
    }
    let mut disks = unskipped(disk_facts(host)?, node)?;
    if let Some(node) = node {
        disks = raid::without_kept(host, node, disks)?;
    }
    Ok(disks.into_iter().map(|facts| facts.disk).collect())
}

pub(super) fn unskipped(
    disks: Vec<DiskFacts>,
    node: Option<&Node>,
) -> Result<Vec<DiskFacts>, DiskError> {
    let skipped = node
        .map(Node::skipped_disks)
        .transpose()?
        .unwrap_or_default();
    let is_skipped = |facts: &DiskFacts| {
        skipped
            .iter()
            .any(|hints: &RootDeviceHints| hints.matches(facts))
    };
    Ok(disks
        .into_iter()
        .filter(|facts| !is_skipped(facts))
        .collect())
}

pub(super) fn disk_facts(host: &Host) -> Result<Vec<DiskFacts>, DiskError> {
    settle();
    let tree = host.tree();
    let directory = tree.path("sys/block");
    let entries = fs::read_dir(&directory).map_err(doing("reading", &directory))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let links = tree.path("dev/disk");
    let devices = names
        .iter()
        .map(|name| BlockDevice::new(&directory, &links, name));
    let shown: Vec<BlockDevice> = devices.filter(|device| is_shown(host, device)).collect();
    Ok(multipath::disks(&shown))
}

fn is_shown(host: &Host, device: &BlockDevice) -> bool {
    let is_disk = match device.kind() {
        Kind::Disk => true,
        // Only who named one at start means it: on an ordinary host that is what makes a device visible.
        Kind::Loop => matches!(host.root(), RootKind::Other(_)),
        Kind::Other => false,
    };
    is_disk
        && device.size_bytes() > 0
        && host.visible(&host.tree().node(&device.path()))
        && !device.is_multipath_member()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn none() -> DiskError {
        hints::root_device(&[], None).unwrap_err().into()
    }

    /// How often it was looked, and whether a disk that is shown from the look with this number on was found.
    fn check(appears: u32, stop: &Stop) -> (u32, bool) {
        let wait = DiskWait {
            attempts: 3,
            delay: Duration::ZERO,
        };
        let mut looks = 0;
        let found = look_again(wait, stop, || {
            looks += 1;
            if looks < appears { Err(none()) } else { Ok(()) }
        });
        (looks, found.is_ok())
    }

    #[test]
    fn a_disk_that_is_shown_late_is_waited_for() {
        let stop = Stop::default();
        assert_eq!(check(1, &stop), (1, true));
        assert_eq!(check(2, &stop), (2, true));
        assert_eq!(check(4, &stop), (4, true));
        assert_eq!(check(5, &stop), (4, false));
        stop.request();
        assert_eq!(check(5, &stop), (2, false));
    }

    #[test]
    fn what_does_not_pass_is_not_waited_for() {
        let wait = DiskWait {
            attempts: 3,
            delay: Duration::ZERO,
        };
        let mut looks = 0;
        let found = look_again(wait, &Stop::default(), || {
            looks += 1;
            let path = PathBuf::from("/dev/sda");
            Err::<(), _>(DiskError::ReadOnly { path })
        });
        assert!(found.is_err());
        assert_eq!(looks, 1);
    }
}
