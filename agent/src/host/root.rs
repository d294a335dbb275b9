//! Finds out whether `/` is a RAM file system of the machine itself.
//!
//! A container may have a tmpfs as its `/` and still see the host's disks, so the process must also live in the
//! first process namespace, and the first process must have the same kind of `/`. A system that runs from RAM may
//! still use its disks, so none may be mounted or swapped to.

use std::io::ErrorKind;
use std::path::Path;

use nix::sys::statfs::{FsType, statfs};

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Block devices that are no disks of the machine: RAM, loop devices, and CDs as which a BMC shows the ramdisk.
const HARMLESS_MAJORS: [&str; 3] = ["1", "7", "11"];

/// The kernel gives the first process namespace this fixed number.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// What `/` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A RAM file system: this is a ramdisk, and the disks are ours to write.
    Ram,
    /// Anything else, with the reason as part of a sentence.
    Other(String),
}

/// What is looked at.
struct RootFacts {
    own_type: Option<i64>,
    first_process_type: Option<i64>,
    pid_namespace: Option<String>,
    mounts: Option<String>,
    swaps: Option<String>,
}

impl RootKind {
    pub(super) fn detect() -> Self {
        RootFacts {
            own_type: file_system_type(Path::new("/")),
            first_process_type: file_system_type(Path::new("/proc/1/root/")),
            pid_namespace: std::fs::read_link("/proc/self/ns/pid")
                .ok()
                .map(|link| link.to_string_lossy().into_owned()),
            mounts: std::fs::read_to_string("/proc/self/mountinfo").ok(),
            swaps: swaps(),
        }
        .judge()
    }
}

impl RootFacts {
    /// What cannot be found out counts against a ramdisk.
    fn judge(&self) -> RootKind {
        let is_ram = |kind: Option<i64>| matches!(kind, Some(TMPFS | RAMFS));
        let refuse = |why: &str| RootKind::Other(why.to_owned());
        if !is_ram(self.own_type) {
            return refuse("/ is not a RAM file system");
        }
        if self.pid_namespace.as_deref() != Some(FIRST_PID_NAMESPACE) {
            return refuse("the agent runs in a container");
        }
        if !is_ram(self.first_process_type) {
            return refuse("the system's first process does not run from a RAM file system");
        }
        let Some(mounts) = self.mounts.as_deref() else {
            return refuse("the mounted file systems are not known");
        };
        if let Some(place) = mounts.lines().find_map(mounted_disk) {
            return refuse(&format!("the file system of a disk is mounted at {place}"));
        }
        // The first line is a heading.
        if self
            .swaps
            .as_deref()
            .is_none_or(|swaps| swaps.lines().nth(1).is_some())
        {
            return refuse("the system swaps to a disk");
        }
        RootKind::Ram
    }
}

/// A kernel without swap has no such file.
fn swaps() -> Option<String> {
    match std::fs::read_to_string("/proc/swaps") {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(String::new()),
        swaps => swaps.ok(),
    }
}

/// Where a line of mountinfo has the file system of a disk: `36 35 98:0 / /mnt rw shared:1 - ext3 /dev/sda1 rw`.
fn mounted_disk(line: &str) -> Option<&str> {
    let mut fields = line.split(' ');
    let (major, _) = fields.nth(2)?.split_once(':')?;
    let place = fields.nth(1)?;
    let (_, of_file_system) = line.split_once(" - ")?;
    let source = of_file_system.split(' ').nth(1).unwrap_or_default();
    // Some file systems have a device number of their own; their source still names the disk.
    let is_disk = match major {
        "0" => source.starts_with("/dev/"),
        major => !HARMLESS_MAJORS.contains(&major),
    };
    is_disk.then_some(place)
}

fn file_system_type(path: &Path) -> Option<i64> {
    let FsType(kind) = statfs(path).ok()?.filesystem_type();
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXT4: i64 = 0xef53;

    const SWAPS: &str = "Filename\tType\tSize\tUsed\tPriority\n";
    const MOUNTS: &str = "1 1 0:2 / / rw - rootfs rootfs rw\n\
        22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
        23 1 7:0 / /mnt/loop ro - squashfs /dev/loop0 ro\n\
        24 1 11:0 / /mnt/cd ro - iso9660 /dev/sr0 ro\n";

    fn of_a_ramdisk() -> RootFacts {
        RootFacts {
            own_type: Some(TMPFS),
            first_process_type: Some(TMPFS),
            pid_namespace: Some(FIRST_PID_NAMESPACE.to_owned()),
            mounts: Some(MOUNTS.to_owned()),
            swaps: Some(SWAPS.to_owned()),
        }
    }

    #[test]
    fn a_system_that_uses_its_disks_is_no_ramdisk() {
        let refused = |facts: RootFacts, expected: &str| match facts.judge() {
            RootKind::Other(why) => assert!(why.contains(expected), "{why}"),
            RootKind::Ram => panic!("{expected}"),
        };
        assert_eq!(of_a_ramdisk().judge(), RootKind::Ram);
        for mount in [
            "30 1 8:1 / /data rw,relatime shared:1 - ext4 /dev/sda1 rw",
            "31 1 259:2 / /data rw - xfs /dev/nvme0n1p2 rw",
            "32 1 0:45 / /data rw - btrfs /dev/sdb rw",
        ] {
            let mounts = Some(format!("{MOUNTS}{mount}\n"));
            let facts = RootFacts {
                mounts,
                ..of_a_ramdisk()
            };
            refused(facts, "mounted at /data");
        }
        let mounts = None;
        refused(
            RootFacts {
                mounts,
                ..of_a_ramdisk()
            },
            "not known",
        );
        let swaps = Some(format!("{SWAPS}/dev/sda2 partition 1 0 -2\n"));
        refused(
            RootFacts {
                swaps,
                ..of_a_ramdisk()
            },
            "swaps",
        );
    }

    fn check(own: Option<i64>, first: Option<i64>, namespace: &str, ram: bool) {
        let facts = RootFacts {
            own_type: own,
            first_process_type: first,
            pid_namespace: Some(namespace.to_owned()),
            ..of_a_ramdisk()
        };
        assert_eq!(
            facts.judge() == RootKind::Ram,
            ram,
            "{own:?} {first:?} {namespace}"
        );
    }

    #[test]
    fn only_a_ram_file_system_of_the_whole_machine_is_a_ramdisk() {
        check(Some(TMPFS), Some(TMPFS), FIRST_PID_NAMESPACE, true);
        check(Some(RAMFS), Some(RAMFS), FIRST_PID_NAMESPACE, true);
        check(Some(EXT4), Some(EXT4), FIRST_PID_NAMESPACE, false);
        check(Some(EXT4), Some(TMPFS), FIRST_PID_NAMESPACE, false);
        check(Some(TMPFS), Some(EXT4), FIRST_PID_NAMESPACE, false);
        check(Some(TMPFS), None, FIRST_PID_NAMESPACE, false);
        check(None, None, FIRST_PID_NAMESPACE, false);
        check(Some(TMPFS), Some(TMPFS), "pid:[4026532201]", false);
    }
}
