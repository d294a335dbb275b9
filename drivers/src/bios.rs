//! Firmware settings of one machine.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{BmcError, Progress, Started};

/// A setting, with what the machine says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BiosSetting {
    /// Its name at this machine.
    pub name: String,
    /// What holds now.
    pub value: Value,
    /// What may hold; `None`: the machine's registry could not be read, or does not know the setting.
    pub attribute: Option<BiosAttribute>,
}

/// What a machine's registry says of a setting. Each part is `None` where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BiosAttribute {
    /// `Enumeration`, `String`, `Integer`, `Boolean` or `Password`.
    pub attribute_type: Option<String>,
    /// The values of an enumeration.
    pub allowable_values: Option<Vec<String>>,
    /// The smallest integer.
    pub lower_bound: Option<i64>,
    /// The largest integer.
    pub upper_bound: Option<i64>,
    /// The fewest characters of a text.
    pub min_length: Option<i64>,
    /// The most characters of a text.
    pub max_length: Option<i64>,
    /// Whether nobody can change it.
    pub read_only: Option<bool>,
    /// Whether a change holds after a restart only.
    pub reset_required: Option<bool>,
    /// Whether no two machines may have the same value.
    pub unique: Option<bool>,
}

/// The BIOS settings of one machine.
#[async_trait]
pub trait Bios: Send + Sync {
    /// The settings as they hold now, by name.
    async fn settings(&self) -> Result<Map<String, Value>, BmcError>;

    /// The same with what the machine's registry says of them.
    async fn described_settings(&self) -> Result<Vec<BiosSetting>, BmcError>;

    /// Has these settings hold; the others stay. Done at once where they hold already.
    async fn apply_configuration(&self, settings: Map<String, Value>) -> Result<Started, BmcError>;

    /// Has every setting hold that the machine came with.
    async fn factory_reset(&self) -> Result<Started, BmcError>;

    /// How far the operation with this record is.
    async fn poll(&self, record: &Value) -> Result<Progress, BmcError>;
}
