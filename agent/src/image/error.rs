//! Why an image was not written. Each message is one sentence that an operator can act on.

use std::io;

use thiserror::Error;

use super::checksum::{ChecksumError, to_hex};
use super::client::ClientError;
use super::download::DownloadError;
use super::format::FormatError;
use super::partition::PartitionError;
use super::qcow2::{MapError, PassError, Qcow2Error};
use super::raw::RawError;
use super::source::SourceError;
use super::target::TargetError;
use crate::disk::config_drive::ConfigDriveError;
use crate::disk::{DiskError, EraseError, TableError};
use crate::host::HostRefusal;

#[derive(Debug, Error)]
pub enum ImageError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error("image_info has no URL")]
    NoUrl,
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    #[error("fetching the file of checksums: {0}")]
    ChecksumFile(DownloadError),
    #[error("downloading the image: {0}")]
    Download(SourceError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("the qcow2 image cannot be used: {0}")]
    Qcow2(Qcow2Error),
    #[error("unpacking the image")]
    Unpack(#[source] io::Error),
    #[error(
        "the downloaded image has the checksum {found}, not {expected}; correct the checksum of the instance or the image on the server"
    )]
    Digest { expected: String, found: String },
    #[error("the image cannot boot: {0}")]
    Table(TableError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Shared(#[from] EraseError),
    #[error(transparent)]
    ConfigDrive(#[from] ConfigDriveError),
    #[error("the write was cancelled")]
    Cancelled,
}

impl ImageError {
    pub(crate) fn digest(expected: &[u8], found: &[u8]) -> Self {
        Self::Digest {
            expected: to_hex(expected),
            found: to_hex(found),
        }
    }

    /// An error that came through a stack of readers: what the source said, else the fault of a decompressor.
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.downcast::<SourceError>() {
            Ok(source) => Self::from(source),
            Err(error) => error.downcast().map_or_else(Self::Unpack, Self::Qcow2),
        }
    }
}

impl From<SourceError> for ImageError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Stopped => Self::Cancelled,
            other => Self::Download(other),
        }
    }
}

impl From<MapError> for ImageError {
    fn from(error: MapError) -> Self {
        match error {
            MapError::Format(error) => Self::Qcow2(error),
            MapError::Read(error) => Self::reading(error),
        }
    }
}

impl From<PassError> for ImageError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Format(error) => Self::Qcow2(error),
            PassError::Read(error) => Self::reading(error),
            PassError::Write(error) => Self::from_target(error),
        }
    }
}

impl From<RawError> for ImageError {
    fn from(error: RawError) -> Self {
        match error {
            RawError::Read(error) => Self::reading(error),
            RawError::Write(error) => Self::from_target(error),
        }
    }
}

impl ImageError {
    pub(crate) fn from_target(error: TargetError) -> Self {
        match error {
            TargetError::Stopped => Self::Cancelled,
            other => Self::Target(other),
        }
    }
}
