//! How far a command has come: the additional key `ferric_progress` of a command's result.

use serde::{Deserialize, Serialize};

/// A mark of progress while an image is written or disks are erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What the agent is doing: `writing`, `verifying`, ...
    pub phase: String,
    /// Bytes of the disk that have been dealt with, written or known to be zero.
    pub bytes_written: u64,
    /// Bytes that the disk will hold, once that is known.
    pub bytes_total: Option<u64>,
    /// Bytes that came over the network.
    pub bytes_received: u64,
    /// The rate of writing over the last seconds. Of several disks at once, that at which what is left takes as long as
    /// the slowest of them needs; 0 while that cannot be told.
    pub bytes_per_second: u64,
    /// Time since the command began.
    pub elapsed_ms: u64,
}
