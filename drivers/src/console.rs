//! Consoles: a machine's screen or serial line, to be reached from afar.

use async_trait::async_trait;

use crate::BmcError;

/// Where a client finds a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleAddress {
    /// What speaks there, by Ironic's names (`socat`, `vnc`, ...).
    pub kind: String,
    /// Where.
    pub url: String,
}

/// Whether a console is open at whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleState {
    /// Clients can reach it.
    Open,
    /// They cannot.
    Closed,
}

/// The console of one machine. What carries it runs beside the process that has opened it and ends with that: whoever has
/// the machine next opens it again.
#[async_trait]
pub trait Console: Send + Sync {
    /// Opens it; one that is open stays so.
    async fn open(&self) -> Result<(), BmcError>;

    /// Closes it; one that is closed stays so.
    async fn close(&self) -> Result<(), BmcError>;

    /// Whether this process has it open. Nothing is asked of the machine.
    fn state(&self) -> ConsoleState;

    /// Where it is, open or not; `None`: nowhere that a client could go.
    fn address(&self) -> Option<ConsoleAddress>;
}
