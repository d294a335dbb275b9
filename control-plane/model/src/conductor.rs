//! A conductor as the others see it: its name, what it can drive, and when it was last heard of.

use crate::ids::Incarnation;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The row that a conductor registers and keeps alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConductorRecord {
    pub hostname: String,
    pub incarnation: Incarnation,
    pub conductor_group: String,
    /// Hardware types, sorted.
    pub drivers: Vec<String>,
    pub online: bool,
    /// Where the other conductors reach it: `https://ADDRESS:PORT`. `None`: it takes no calls from them.
    #[serde(default)]
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// The beat.
    pub updated_at: Timestamp,
}
