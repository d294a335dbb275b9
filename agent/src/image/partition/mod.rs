//! Images of one file system: the partitions around it are made here, and the image goes into the last one.
//!
//! `spec` says what is wanted and `layout` where that lies; both are pure. `make` puts it on the disk.

mod layout;
mod make;
mod spec;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ferric_agent_protocol::params::PartitionUuids;
use thiserror::Error;

use crate::disk::config_drive::ConfigDriveError;
use crate::disk::{DiskError, EraseError};
use crate::run::RunError;
pub use layout::NoRoom;
pub(super) use make::{Made, make};
pub use spec::{Ephemeral, PartitionSpec, SpecError};

#[derive(Debug, Error)]
pub enum PartitionError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Shared(#[from] EraseError),
    #[error(transparent)]
    ConfigDrive(#[from] ConfigDriveError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(
        "{path} does not have the partitions that this instance had before, so its ephemeral partition cannot be kept"
    )]
    NotAsBefore { path: PathBuf },
    #[error(
        "the kernel shows no partitions of {path}, as of multipath maps and other mappings; write a whole-disk image to it"
    )]
    NotShown { path: PathBuf },
    #[error("the kernel does not show partition {number} of {path}")]
    NoNode { path: PathBuf, number: u32 },
    #[error(
        "the image needs {image_bytes} bytes, and its partition has {partition_mib} MiB; raise root_gb of the instance"
    )]
    TooLarge {
        image_bytes: u64,
        partition_mib: u64,
    },
}

/// What was written, in the words of `standby.get_partition_uuids`.
pub(super) fn uuids(made: &Made) -> Result<PartitionUuids, PartitionError> {
    let id = |path: &Path| make::id(path);
    let esp = made.node(layout::Role::Esp);
    let partitions = made.nodes.iter().map(|(role, path)| {
        let path = path.to_string_lossy().into_owned();
        (role.name().to_owned(), path)
    });
    Ok(PartitionUuids {
        partitions: Some(partitions.collect()),
        root_uuid: Some(id(made.root())?),
        efi_system_partition_uuid: esp.map(id).transpose()?,
        prep_boot_partition_uuid: None,
    })
}
