//! The console of a fake machine: nothing but the note, in the process that opened it, that it is open.
//!
//! As what carries a real one, the note ends with its process: whoever has the machine next opens the console again.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::FakeMachine;
use crate::permit::Gate;
use crate::{BmcError, Console, ConsoleAddress, ConsoleState};

/// The consoles that this process has open, by the names of their machines.
pub(crate) type OpenConsoles = Arc<Mutex<BTreeSet<String>>>;

pub(crate) struct FakeConsole {
    pub(crate) machine: Arc<FakeMachine>,
    pub(crate) open: OpenConsoles,
    pub(crate) gate: Gate,
    /// How long opening or closing may take.
    pub(crate) limit: std::time::Duration,
}

#[async_trait]
impl Console for FakeConsole {
    async fn open(&self) -> Result<(), BmcError> {
        let what = "opening the console";
        self.gate.check(self.limit, &self.machine.address(), what)?;
        self.machine.request(what).await?;
        self.open.lock().insert(self.machine.address());
        Ok(())
    }

    /// Needs no leave: it is ours even when the machine is not any more.
    async fn close(&self) -> Result<(), BmcError> {
        self.machine.request("closing the console").await?;
        self.open.lock().remove(&self.machine.address());
        Ok(())
    }

    fn state(&self) -> ConsoleState {
        if self.open.lock().contains(&self.machine.address()) {
            ConsoleState::Open
        } else {
            ConsoleState::Closed
        }
    }

    fn address(&self) -> Option<ConsoleAddress> {
        None
    }
}
