//! Firmware settings of one machine.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{BmcError, Progress, Started};

/// The BIOS settings of one machine.
#[async_trait]
pub trait Bios: Send + Sync {
    /// The settings as they hold now, by name.
    async fn settings(&self) -> Result<Map<String, Value>, BmcError>;

    /// Has these settings hold; the others stay. Done at once where they hold already.
    async fn apply_configuration(&self, settings: Map<String, Value>) -> Result<Started, BmcError>;

    /// Has every setting hold that the machine came with.
    async fn factory_reset(&self) -> Result<Started, BmcError>;

    /// How far the operation with this record is.
    async fn poll(&self, record: &Value) -> Result<Progress, BmcError>;
}
