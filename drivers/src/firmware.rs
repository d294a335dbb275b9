//! Firmware of one machine and of its components.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{BmcError, Progress, Started};

/// An image for one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareImage {
    /// `bios`, `bmc`, or `nic:` and its id.
    pub component: String,
    /// Where the BMC fetches it from.
    pub url: String,
    /// How long to wait after it before it counts as done.
    pub wait: Duration,
}

/// A component and its firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareComponent {
    /// As in [`FirmwareImage::component`].
    pub component: String,
    /// The version that runs.
    pub version: String,
    /// Who makes it, where the BMC says so of a component; so with the next ones.
    pub vendor: Option<String>,
    /// What it is called.
    pub model: Option<String>,
    /// Which one of its kind it is.
    pub serial_number: Option<String>,
}

/// The firmware of one machine.
#[async_trait]
pub trait Firmware: Send + Sync {
    /// The components that there are.
    async fn components(&self) -> Result<Vec<FirmwareComponent>, BmcError>;

    /// Updates one component. An update that is under way already is not begun again.
    async fn update(&self, image: FirmwareImage) -> Result<Started, BmcError>;

    /// How far the operation with this record is.
    async fn poll(&self, record: &Value) -> Result<Progress, BmcError>;
}
