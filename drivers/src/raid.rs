//! RAID volumes of one machine, as far as its controllers make them without help of the machine.

use async_trait::async_trait;
use serde_json::Value;

use crate::{BmcError, LogicalDisk, Progress, Started};

/// The RAID volumes of one machine.
///
/// Where the end of an operation needs a restart of the machine, it may be a part of what was asked for: it is asked for
/// again then, until it is done.
#[async_trait]
pub trait Raid: Send + Sync {
    /// The volumes that there are, each an object in the words of `raid_config`.
    async fn logical_disks(&self) -> Result<Vec<Value>, BmcError>;

    /// Makes these volumes beside those that there are. Those that stand there already under their name are not made again.
    async fn create(&self, wanted: Vec<LogicalDisk>) -> Result<Started, BmcError>;

    /// Deletes every volume.
    async fn delete_all(&self) -> Result<Started, BmcError>;

    /// How far the operation with this record is.
    async fn poll(&self, record: &Value) -> Result<Progress, BmcError>;
}
