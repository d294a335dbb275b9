//! Finds out whether `/` is a RAM file system of the machine itself.
//!
//! A container may have a tmpfs as its `/` and still see the host's disks, so the process must also live in the
//! first process namespace, and the first process must have the same kind of `/`.

use std::path::Path;

use nix::sys::statfs::{FsType, statfs};

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

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
}

impl RootKind {
    pub(super) fn detect() -> Self {
        RootFacts {
            own_type: file_system_type(Path::new("/")),
            first_process_type: file_system_type(Path::new("/proc/1/root/")),
            pid_namespace: std::fs::read_link("/proc/self/ns/pid")
                .ok()
                .map(|link| link.to_string_lossy().into_owned()),
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
        RootKind::Ram
    }
}

fn file_system_type(path: &Path) -> Option<i64> {
    let FsType(kind) = statfs(path).ok()?.filesystem_type();
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXT4: i64 = 0xef53;

    fn check(own: Option<i64>, first: Option<i64>, namespace: &str, ram: bool) {
        let facts = RootFacts {
            own_type: own,
            first_process_type: first,
            pid_namespace: Some(namespace.to_owned()),
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
