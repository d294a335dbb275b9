//! The system on this machine: what is mounted below its root, and how its programs are run there.
//!
//! A program is the first one of a process namespace, so that whatever it has started ends with it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MsFlags, mount};

use super::GrubError;
use super::plan::{ESP_PLACE, System};
use crate::image::Stop;
use crate::inject::{PLACE, beneath};
use crate::run::{Limits, RunError, run_until};

/// Ironic's conductor waits ten minutes for all of them.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(180),
    output_bytes: 16 << 10,
};
/// More than any of the files that are read has.
const MAX_FILE_BYTES: u64 = 1 << 20;
const ENVIRONMENT: [&str; 4] = [
    "-i",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    // It would look at the other disks, and mount what it finds.
    "GRUB_DISABLE_OS_PROBER=true",
];
const APART: [&str; 7] = [
    "unshare",
    "--kill-child",
    "--pid",
    "--net",
    "--ipc",
    "chroot",
    PLACE,
];
const NONE: Option<&str> = None;

/// Something that is mounted below the root, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    at: &'static str,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// A directory of the ramdisk.
    Directory(&'static str),
    /// The kernel's own, without the variables of the firmware.
    Sysfs,
    /// In the place of what the ramdisk has there: secrets of the agent are among it.
    Empty,
    Fat(PathBuf),
}

pub(super) fn mounts(esp: Option<&Path>) -> Vec<Mount> {
    let mount = |at, source| Mount { at, source };
    let mut mounts = vec![
        mount("dev", Source::Directory("/dev")),
        mount("proc", Source::Directory("/proc")),
        mount("sys", Source::Sysfs),
        mount("run", Source::Empty),
        // What udev knows of the disks.
        mount("run/udev", Source::Directory("/run/udev")),
    ];
    mounts.extend(esp.map(|esp| mount(ESP_PLACE, Source::Fat(esp.to_owned()))));
    mounts
}

/// Mounts it where the root really has this directory, and not where a link leads to.
pub(super) fn attach(root: &OwnedFd, wanted: &Mount) -> Result<(), GrubError> {
    let (at, source) = (wanted.at, &wanted.source);
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let (device, kind, flags) = match source {
        // Where udev does not run it knows nothing.
        Source::Directory(path) if !Path::new(path).exists() => return Ok(()),
        Source::Directory(path) => (Path::new(path), None, MsFlags::MS_BIND),
        Source::Sysfs => {
            let flags = plain | MsFlags::MS_RDONLY;
            (Path::new("sysfs"), Some("sysfs"), flags)
        }
        Source::Empty => (Path::new("tmpfs"), Some("tmpfs"), plain),
        Source::Fat(node) => (node.as_path(), Some("vfat"), plain),
    };
    let point = beneath::mount_point(root, at)?;
    let target = format!("/proc/self/fd/{}", point.as_raw_fd());
    let mounted = mount(Some(device), target.as_str(), kind, flags, NONE);
    mounted.map_err(|error| GrubError::Mount {
        at,
        source: error.into(),
    })
}

/// The system whose root is mounted.
pub(super) struct Chroot<'a> {
    pub(super) root: &'a OwnedFd,
    pub(super) stop: &'a Stop,
}

impl System for Chroot<'_> {
    fn has(&self, path: &str) -> bool {
        beneath::has(self.root, path)
    }

    fn read(&self, path: &str) -> Result<String, GrubError> {
        let content = beneath::read(self.root, path, MAX_FILE_BYTES)?;
        let content = content.unwrap_or_default();
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    fn append(&self, path: &str, text: &str) -> Result<(), GrubError> {
        Ok(beneath::append(self.root, path, text)?)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), RunError> {
        let name = [&[program], arguments].concat().join(" ");
        tracing::info!(program = name, "a program of the image is run");
        let words = [&ENVIRONMENT[..], &APART, &[program], arguments].concat();
        let ran = run_until("env", &words, LIMITS, self.stop);
        ran.map(drop).map_err(|error| error.called(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_ramdisk_is_shown_but_devices_processes_and_what_udev_knows() {
        let listed = |esp| -> Vec<String> {
            let mounts = mounts(esp).into_iter();
            mounts
                .map(|one| format!("{} {:?}", one.at, one.source))
                .collect()
        };
        let expected = [
            "dev Directory(\"/dev\")",
            "proc Directory(\"/proc\")",
            "sys Sysfs",
            "run Empty",
            "run/udev Directory(\"/run/udev\")",
            "boot/efi Fat(\"/dev/sda1\")",
        ];
        assert_eq!(listed(None), expected[..5]);
        assert_eq!(listed(Some(Path::new("/dev/sda1"))), expected);
    }
}
