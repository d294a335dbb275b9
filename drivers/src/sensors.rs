//! What a machine's sensors say, in the groups that Ironic has for them.

use async_trait::async_trait;

use crate::BmcError;

/// What a sensor is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SensorKind {
    /// In degrees Celsius.
    Temperature,
    /// In revolutions a minute.
    FanSpeed,
    /// In percent of its greatest speed.
    FanPercent,
    /// What is taken, or what a supply gives, in watts.
    Power,
    /// A disk; it has a health and no number.
    Drive,
}

/// One sensor. What a BMC does not say is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorReading {
    /// What it is about.
    pub kind: SensorKind,
    /// Its own name behind that of the part that it belongs to: `1U/Inlet`.
    pub name: String,
    /// In the unit of its kind.
    pub value: Option<f64>,
    /// `OK`, `Warning` or `Critical`, as Redfish has them.
    pub health: Option<String>,
}

/// The sensors of one machine.
#[async_trait]
pub trait Sensors: Send + Sync {
    /// Reads all of them. Parts that are absent have none.
    async fn read(&self) -> Result<Vec<SensorReading>, BmcError>;
}
