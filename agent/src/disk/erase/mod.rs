//! Erasing disks: their metadata only (`metadata`), or all that is on them (`devices`).
//!
//! `method` chooses how one disk is erased: by a command of its own (`nvme`, `sanitize`, `ata`), or by writing it
//! (`overwrite`). All of them know a disk only as a `Device`, and read it back at a few places (`samples`) before they
//! call it erased. `guard` and `subject` find out who else would be hit.

mod ata;
mod claim;
mod device;
mod devices;
mod guard;
mod knobs;
mod metadata;
mod method;
#[cfg(test)]
mod model;
mod nvme;
mod overwrite;
mod pattern;
mod pstore;
mod record;
mod samples;
mod sanitize;
mod subject;
mod tables;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use ferric_agent_protocol::erase::EraseRecord;
use thiserror::Error as ThisError;

use super::DiskError;
pub(crate) use claim::{Claimed, Drive, claim};
pub use device::CommandError;
pub use devices::{Depth, erase_devices};
pub use guard::SharedFileSystem;
pub(crate) use knobs::shared_file_systems;
use metadata::Area;
pub(crate) use metadata::{check_shared, check_shared_on};
pub use metadata::{erase_device_metadata, erase_metadata};
pub use method::MethodError;
pub(crate) use pattern::{CHUNK_BYTES, Pattern};
pub use pstore::erase_pstore;

/// The label of a virtual floppy with the ramdisk's parameters, which is not part of the machine; and where udev shows
/// labels. Some programs that make file systems turn it into capitals.
const VIRTUAL_MEDIA: &str = "ir-vfd-dev";
const LABELS: &str = "/dev/disk/by-label";

#[derive(Debug, ThisError)]
pub enum EraseError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "{path} carries {kind}, which other machines may be using; \
         detach it, or set wipe_special_filesystems in driver_internal_info of the node"
    )]
    Shared {
        path: PathBuf,
        kind: SharedFileSystem,
    },
    #[error("{path} still has data at byte {offset} after it was cleared; the disk is failing")]
    ReadBack { path: PathBuf, offset: u64 },
    #[error("erasing {device} (serial number {serial})")]
    Device {
        device: String,
        serial: String,
        #[source]
        source: MethodError,
    },
    #[error("{device} is in use: {holders} is made of it or of a partition of it")]
    Held { device: String, holders: String },
    #[error("{name} in driver_internal_info of the node is {value}; it must be {expected}")]
    Knob {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("clearing the kernel's pstore: {path}")]
    Pstore {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Several(String),
}

/// What to do with a file system that several machines share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedFileSystems {
    Protect,
    Erase,
}

pub(crate) fn is_virtual_media(path: &Path) -> bool {
    is_virtual_media_by(Path::new(LABELS), path)
}

fn is_virtual_media_by(labels: &Path, path: &Path) -> bool {
    let target = |path: &Path| fs::canonicalize(path).ok();
    let Some(device) = target(path) else {
        return false;
    };
    let links = fs::read_dir(labels).into_iter().flatten().flatten();
    let is_theirs = |link: &fs::DirEntry| {
        let label = link.file_name();
        label.to_string_lossy().eq_ignore_ascii_case(VIRTUAL_MEDIA)
    };
    let mut media = links.filter(is_theirs);
    media.any(|link| target(&link.path()).as_ref() == Some(&device))
}

/// Not all disks were erased.
#[derive(Debug)]
pub struct PartlyErased {
    error: Box<EraseError>,
    /// Of the disks that were, or that were left as they are.
    pub records: Vec<EraseRecord>,
}

impl PartlyErased {
    /// What kept the others from being erased.
    #[must_use]
    pub fn error(&self) -> &EraseError {
        &self.error
    }
}

impl fmt::Display for PartlyErased {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, formatter)
    }
}

impl Error for PartlyErased {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<EraseError> for PartlyErased {
    fn from(error: EraseError) -> Self {
        Self {
            error: Box::new(error),
            records: Vec::new(),
        }
    }
}

impl From<DiskError> for PartlyErased {
    fn from(error: DiskError) -> Self {
        EraseError::from(error).into()
    }
}

/// The end of all disks: records by the names of the disks, and an error where one was not erased.
fn ended(
    mut records: Vec<EraseRecord>,
    errors: Vec<EraseError>,
) -> Result<Vec<EraseRecord>, PartlyErased> {
    records.sort_by(|one, other| one.device.cmp(&other.device));
    match outcome(errors) {
        Ok(()) => Ok(records),
        Err(error) => Err(PartlyErased {
            error: Box::new(error),
            records,
        }),
    }
}

/// One error that names all disks that were not erased.
fn outcome(mut errors: Vec<EraseError>) -> Result<(), EraseError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => {
            let sentences: Vec<String> = errors.iter().map(|error| chain(error)).collect();
            Err(EraseError::Several(sentences.join("; ")))
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
