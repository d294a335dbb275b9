//! Opens a disk for one program alone: nobody can mount it meanwhile, and udev leaves it in peace.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::error::{DiskError, doing};
use super::identity::announce;
use super::ioctl;
use super::settle::retry;
use super::table::Partition;
use crate::host::DevicePermit;

/// udev holds a disk for a moment whenever somebody has written to it.
const BUSY_TIME: Duration = Duration::from_secs(15);

/// An open block device, or a regular file in its place.
#[derive(Debug)]
pub(crate) struct OpenDisk {
    file: Flock<File>,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) sector_bytes: u32,
    pub(crate) is_block_device: bool,
}

/// What a disk is like, apart from its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) sector_bytes: u32,
}

impl Shape {
    pub(crate) fn sectors(&self) -> u64 {
        self.size / u64::from(self.sector_bytes)
    }

    /// Where a partition begins, and how long it is, in bytes.
    pub(crate) fn extent(&self, partition: Partition) -> (u64, u64) {
        let bytes = |sectors: u64| sectors.saturating_mul(u64::from(self.sector_bytes));
        let sectors = partition
            .last
            .saturating_add(1)
            .saturating_sub(partition.first);
        (bytes(partition.first), bytes(sectors))
    }
}

/// Who else may be using a disk while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Nobody,
    /// Volumes that partitions of it are members of.
    Volumes,
}

impl OpenDisk {
    /// Opens a disk that nobody else uses, to write to it, and notes which disk that is.
    pub(crate) fn open(permit: &DevicePermit) -> Result<Self, DiskError> {
        Self::open_beside(permit, Others::Nobody).inspect(Self::announce)
    }

    /// Opens a disk of which partitions are in use, to add one more, and notes which disk that is.
    pub(crate) fn open_in_use(permit: &DevicePermit) -> Result<Self, DiskError> {
        Self::open_beside(permit, Others::Volumes).inspect(Self::announce)
    }

    /// Opens a disk, which may be in use, only to see what is on it.
    pub(crate) fn open_to_look(permit: &DevicePermit) -> Result<Self, DiskError> {
        Self::open_beside(permit, Others::Volumes)
    }

    fn announce(&self) {
        if self.is_block_device {
            announce(&self.path);
        }
    }

    fn open_beside(permit: &DevicePermit, others: Others) -> Result<Self, DiskError> {
        let path = permit.path().to_owned();
        let file = open_locked(&path, others)?;
        let metadata = file.metadata().map_err(doing("looking at", &path))?;
        if metadata.is_file() {
            return Ok(Self {
                file,
                path,
                size: metadata.len(),
                sector_bytes: 512,
                is_block_device: false,
            });
        }
        if !metadata.file_type().is_block_device() {
            return Err(DiskError::NotADisk { path });
        }
        if ioctl::is_read_only(&file).map_err(doing("looking at", &path))? {
            return Err(DiskError::ReadOnly { path });
        }
        let size = ioctl::size_bytes(&file).map_err(doing("measuring", &path))?;
        let sector_bytes = ioctl::sector_bytes(&file).map_err(doing("measuring", &path))?;
        Ok(Self {
            file,
            path,
            size,
            sector_bytes,
            is_block_device: true,
        })
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            path: self.path.clone(),
            size: self.size,
            sector_bytes: self.sector_bytes,
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Lets udev look at the disk meanwhile: it puts off the events of a disk that somebody has locked for himself, and
    /// whoever waits for it then waits in vain.
    ///
    /// # Errors
    /// [`DiskError::InUse`] if somebody else keeps the disk locked afterwards.
    pub(crate) fn shared<T>(&self, action: impl FnOnce() -> T) -> Result<T, DiskError> {
        let in_use = |_| DiskError::InUse {
            path: self.path.clone(),
        };
        let lock = |kind| retry(BUSY_TIME, || self.file.relock(kind)).map_err(in_use);
        lock(FlockArg::LockSharedNonblock)?;
        let outcome = action();
        lock(FlockArg::LockExclusiveNonblock)?;
        Ok(outcome)
    }
}

fn open_locked(path: &Path, others: Others) -> Result<Flock<File>, DiskError> {
    let is_block_device =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_block_device());
    // On a block device O_EXCL means: fail if it is mounted or part of something.
    let is_alone = is_block_device && others == Others::Nobody;
    let flags = if is_alone { libc::O_EXCL } else { 0 };
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
    };
    let file = retry(BUSY_TIME, || match open() {
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Err(error),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EROFS | libc::EACCES)) => {
            Ok(Err(DiskError::ReadOnly {
                path: path.to_owned(),
            }))
        }
        other => Ok(other.map_err(doing("opening", path))),
    });
    let in_use = || DiskError::InUse {
        path: path.to_owned(),
    };
    let mut unlocked = Some(file.map_err(|_| in_use())??);
    retry(BUSY_TIME, || {
        let file = unlocked.take().ok_or(Errno::EBADF)?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(file, error)| {
            unlocked = Some(file);
            error
        })
    })
    .map_err(|_| in_use())
}

/// An error of the operating system while a position of the disk was dealt with.
pub(crate) fn at_byte(
    action: &'static str,
    path: &Path,
    offset: u64,
) -> impl FnOnce(io::Error) -> DiskError + use<> {
    let path = path.to_owned();
    move |source| DiskError::IoAt {
        action,
        path,
        offset,
        source,
    }
}
