//! A conductor as the others see it: its name, what it can drive, and when it was last heard of.

use crate::ids::Incarnation;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By hardware type, then by kind of interface.
pub type OfferedByDriver = BTreeMap<String, BTreeMap<String, OfferedInterfaces>>;

/// The row that a conductor registers and keeps alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConductorRecord {
    pub hostname: String,
    pub incarnation: Incarnation,
    pub conductor_group: String,
    /// Hardware types, sorted.
    pub drivers: Vec<String>,
    /// What of each is enabled. Releases before this one registered none.
    #[serde(default)]
    pub interfaces: OfferedByDriver,
    pub online: bool,
    /// Where the other conductors reach it: `https://ADDRESS:PORT`. `None`: it takes no calls from them.
    #[serde(default)]
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// The beat, by the clock that all conductors go by.
    pub updated_at: Timestamp,
    /// The same moment by the conductor's own clock, by which it has written the deadlines of its nodes. Releases before
    /// this one said nothing of it.
    #[serde(default)]
    pub own_clock: Option<Timestamp>,
}

/// The implementations of one kind that a hardware type tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedInterfaces {
    /// Best first.
    pub enabled: Vec<String>,
    /// What a node gets that names none.
    pub default: Option<String>,
}
