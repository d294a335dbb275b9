//! The clock of a BMC.

use async_trait::async_trait;

use crate::BmcError;

/// What a BMC's clock shows, as it writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Date and time with an offset, as in RFC 3339.
    pub datetime: String,
    /// The offset from UTC that the BMC is set to, where it says so.
    pub local_offset: Option<String>,
}

/// The clock of one machine's BMC.
#[async_trait]
pub trait BmcClock: Send + Sync {
    /// Reads it.
    async fn read(&self) -> Result<ClockReading, BmcError>;

    /// Sets it, and the offset where one is given.
    async fn set(&self, reading: ClockReading) -> Result<(), BmcError>;
}
