//! Which disk a path stands for, so that one disk has one identity whatever link or partition names it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};

/// RAID volumes of RAID volumes: more than this nobody makes.
const MAX_FLOORS: usize = 4;

/// A block device by its number, or any other file by its true path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeviceId {
    Block { major: u64, minor: u64 },
    File(PathBuf),
}

impl DeviceId {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.file_type().is_block_device() {
            let number = metadata.rdev();
            return Ok(Self::Block {
                major: major(number),
                minor: minor(number),
            });
        }
        fs::canonicalize(path).map(Self::File)
    }

    /// Of a partition its disk, of anything else itself.
    pub(super) fn whole_disk(&self) -> Self {
        self.disk_of_partition().unwrap_or_else(|| self.clone())
    }

    /// The disks that a RAID volume, or a partition of one, lies on; of anything else itself.
    pub(super) fn disks_of_volume(&self) -> Vec<Self> {
        self.disks_below(MAX_FLOORS)
    }

    fn disks_below(&self, floors: usize) -> Vec<Self> {
        let disk = self.whole_disk();
        let members = disk.sysfs().filter(|path| path.join("md").is_dir());
        let members = members.and_then(|path| fs::read_dir(path.join("slaves")).ok());
        let members = members.into_iter().flatten().flatten();
        let members: Vec<Self> = members
            .filter_map(|link| read_number(&link.path().join("dev")))
            .collect();
        if members.is_empty() || floors == 0 {
            return vec![disk];
        }
        let below = members.iter().flat_map(|one| one.disks_below(floors - 1));
        below.collect()
    }

    fn disk_of_partition(&self) -> Option<Self> {
        let directory = self.sysfs()?;
        if !directory.join("partition").exists() {
            return None;
        }
        read_number(&directory.parent()?.join("dev"))
    }

    fn sysfs(&self) -> Option<PathBuf> {
        let Self::Block { major, minor } = self else {
            return None;
        };
        fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()
    }

    /// The mount point of this device or of one of its partitions.
    pub(super) fn mounted(&self) -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let ids: Vec<String> = self.with_partitions().iter().map(Self::number).collect();
        mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(2);
            let number = fields.next()?;
            let point = fields.nth(1)?;
            ids.iter().any(|id| id == number).then(|| point.to_owned())
        })
    }

    fn with_partitions(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let entries = self.sysfs().and_then(|path| fs::read_dir(path).ok());
        for entry in entries.into_iter().flatten().flatten() {
            if entry.path().join("partition").exists() {
                all.extend(read_number(&entry.path().join("dev")));
            }
        }
        all
    }

    fn number(&self) -> String {
        match self {
            Self::Block { major, minor } => format!("{major}:{minor}"),
            Self::File(_) => String::new(),
        }
    }
}

fn read_number(path: &Path) -> Option<DeviceId> {
    let text = fs::read_to_string(path).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some(DeviceId::Block {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}
