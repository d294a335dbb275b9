//! A partition of the deployed system, mounted for one thread.
//!
//! It is mounted over a directory that every system has, as nobody else sees it there. Devices and programs on it
//! count for nothing.

use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::{FileSystem, InjectError, beneath, tree};
use crate::disk::open::OpenDisk;
use crate::disk::partitions::{of as table_error, partition_node, read_table};
use crate::host::Host;

pub(crate) const PLACE: &str = "/tmp";
const NONE: Option<&str> = None;
/// Of a partition whose programs are not run.
const PLAIN: MsFlags = WITH_PROGRAMS.union(MsFlags::MS_NOEXEC);
const WITH_PROGRAMS: MsFlags = MsFlags::MS_NODEV.union(MsFlags::MS_NOSUID);

/// A mounted partition.
pub(crate) struct Mounted {
    device: PathBuf,
    root: OwnedFd,
}

/// From here on this thread has mounts of its own, and those of others do not hear of them.
pub(super) fn leave_mounts() -> Result<(), InjectError> {
    let failed = failed("leaving the mounts of others before using", Path::new("/"));
    let left = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NONE, "/", NONE, flags, NONE)
    });
    left.map_err(failed)
}

impl Mounted {
    pub(super) fn by_number(host: &Host, disk: &Path, number: u32) -> Result<Self, InjectError> {
        let node = partition_node(disk, number);
        let node = node.ok_or_else(|| InjectError::NoPartition {
            device: disk.to_owned(),
            number,
        })?;
        Self::of(host, &node)
    }

    /// The first partition of a disk with this directory in its root.
    pub(super) fn with_directory(
        host: &Host,
        disk: &Path,
        directory: &str,
    ) -> Result<Self, InjectError> {
        let mut looked_at = Vec::new();
        for node in nodes(host, disk)? {
            match Self::of(host, &node) {
                Ok(mounted) if tree::has_directory(&mounted.root, directory) => return Ok(mounted),
                Ok(mounted) => {
                    mounted.unmount()?;
                    looked_at.push(node.display().to_string());
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::info!(?node, error, "a partition without a place for the file");
                    looked_at.push(format!("{} (not mounted)", node.display()));
                }
            }
        }
        Err(InjectError::NotFound {
            device: disk.to_owned(),
            directory: directory.to_owned(),
            looked_at: looked_at.join(", "),
        })
    }

    /// Mounts a device that is this agent's to write.
    pub(super) fn of(host: &Host, device: &Path) -> Result<Self, InjectError> {
        Self::with_flags(host, device, PLAIN)
    }

    /// The same, so that programs on it can be run.
    pub(crate) fn with_programs(host: &Host, device: &Path) -> Result<Self, InjectError> {
        Self::with_flags(host, device, WITH_PROGRAMS)
    }

    fn with_flags(host: &Host, device: &Path, flags: MsFlags) -> Result<Self, InjectError> {
        let permit = host.permits_device(device)?;
        let device = permit.path();
        let opening = |source| InjectError::Mount {
            action: "opening",
            device: device.to_owned(),
            source,
        };
        // A pipe would be waited for, and of other devices some do a thing already when they are opened.
        let kind = if fs::metadata(device)
            .map_err(opening)?
            .file_type()
            .is_block_device()
        {
            let file = File::open(device).map_err(opening)?;
            FileSystem::of(&file).map_err(opening)?
        } else {
            None
        };
        let kind = kind.ok_or_else(|| InjectError::NoFileSystem {
            device: device.to_owned(),
        })?;
        let mounted = mount(Some(device), PLACE, Some(kind.name()), flags, NONE);
        mounted.map_err(failed("mounting", device))?;
        let mut options = OpenOptions::new();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let root = options.read(true).custom_flags(flags.bits()).open(PLACE);
        Ok(Self {
            device: device.to_owned(),
            root: root.map_err(opening)?.into(),
        })
    }

    pub(super) fn device(&self) -> &Path {
        &self.device
    }

    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Everything written is on the disk then.
    pub(super) fn unmount(self) -> Result<(), InjectError> {
        let Self { device, root } = self;
        drop(root);
        umount2(PLACE, MntFlags::empty()).map_err(failed("unmounting", &device))
    }

    /// The same with all that was mounted below it.
    pub(crate) fn detach(self) -> Result<(), InjectError> {
        let written = beneath::sync(&self.root, ".");
        let Self { device, root } = self;
        drop(root);
        let detached = umount2(PLACE, MntFlags::MNT_DETACH);
        written.and(detached.map_err(failed("unmounting", &device)))
    }
}

/// The partitions of a disk that the kernel shows, in the order of the table.
pub(crate) fn nodes(host: &Host, disk: &Path) -> Result<Vec<PathBuf>, InjectError> {
    let open = OpenDisk::open(&host.permits_device(disk)?)?;
    let partitions = read_table(&open)?.partitions();
    let partitions = partitions.map_err(|source| table_error(disk, source))?;
    let nodes = partitions.iter().map(|partition| partition.number);
    Ok(nodes
        .filter_map(|number| partition_node(disk, number))
        .collect())
}

fn failed(action: &'static str, device: &Path) -> impl FnOnce(Errno) -> InjectError + use<> {
    let device = device.to_owned();
    move |error| InjectError::Mount {
        action,
        device,
        source: error.into(),
    }
}
