//! What holds machines up in the middle of their writing, until whoever runs the test lets them go on.

use tokio::sync::watch;

/// Machines wait at it.
#[derive(Clone, Debug)]
pub struct Gate(watch::Receiver<bool>);

/// Opens a gate, once.
#[derive(Debug)]
pub struct Keeper(watch::Sender<bool>);

impl Gate {
    /// Nobody waits at it.
    pub fn open() -> Self {
        Self(watch::channel(true).1)
    }

    pub fn closed() -> (Self, Keeper) {
        let (keeper, gate) = watch::channel(false);
        (Self(gate), Keeper(keeper))
    }

    /// Until it is open. One whose keeper is gone holds nobody up.
    pub async fn pass(&self) {
        drop(self.0.clone().wait_for(|is_open| *is_open).await);
    }
}

impl Keeper {
    pub fn open(&self) {
        // The machines may be gone.
        self.0.send(true).unwrap_or_default();
    }
}
