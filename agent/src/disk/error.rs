//! What can go wrong with a disk.

use std::io;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::hints::{HintError, RootDeviceError};
use thiserror::Error;

use super::raid::RaidError;
use super::table::TableError;
use crate::host::HostRefusal;
use crate::run::RunError;

#[derive(Debug, Error)]
pub enum DiskError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Hints(#[from] HintError),
    #[error(transparent)]
    RootDevice(#[from] RootDeviceError),
    #[error(transparent)]
    Raid(Box<RaidError>),
    #[error("{action} {path}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{action} {path} at byte {offset}")]
    IoAt {
        action: &'static str,
        path: PathBuf,
        offset: u64,
        #[source]
        source: io::Error,
    },
    #[error("{path} is neither a block device nor a regular file")]
    NotADisk { path: PathBuf },
    #[error("{path} is read-only")]
    ReadOnly { path: PathBuf },
    #[error(
        "{path} is in use: it, a partition of it or a volume on it is mounted or held by another program"
    )]
    InUse { path: PathBuf },
    #[error("{path} has {bytes} bytes, too few for what is to be written to it")]
    TooSmall { path: PathBuf, bytes: u64 },
    #[error("the partition table of {path} cannot be used")]
    Table {
        path: PathBuf,
        #[source]
        source: TableError,
    },
}

impl From<RaidError> for DiskError {
    fn from(error: RaidError) -> Self {
        match error {
            RaidError::Disk(error) => error,
            other => Self::Raid(Box::new(other)),
        }
    }
}

/// Names what was being done to which file.
pub(crate) fn doing(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError::Io {
        action,
        path,
        source,
    }
}
