//! What a conductor's life hangs on: every call that leaves it goes through here, so cutting it is SIGKILL and holding it
//! is SIGSTOP. What it computes by itself meanwhile nobody can see.

use ferric_model::ids::Incarnation;
use parking_lot::Mutex;
use std::sync::OnceLock;
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Held,
    Cut,
}

pub(crate) struct Link {
    pub(crate) host: usize,
    /// Of the lives of this host, from one.
    pub(crate) life: u32,
    pub(crate) incarnation: OnceLock<Incarnation>,
    state: Mutex<State>,
    changed: Notify,
}

impl Link {
    pub(crate) fn new(host: usize, life: u32) -> Self {
        Self {
            host,
            life,
            incarnation: OnceLock::new(),
            state: Mutex::new(State::Open),
            changed: Notify::new(),
        }
    }

    /// Ends when the conductor may go on; never, if it is dead.
    pub(crate) async fn pass(&self) {
        loop {
            let changed = self.changed.notified();
            let state = *self.state.lock();
            match state {
                State::Open => return,
                State::Held => changed.await,
                State::Cut => std::future::pending().await,
            }
        }
    }

    /// What is on its way arrives though its sender is stopped; a connection ends with the process that made it.
    pub(crate) async fn arrive(&self) {
        if self.is_cut() {
            std::future::pending().await
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        *self.state.lock() == State::Cut
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.state.lock() == State::Open
    }

    pub(crate) fn cut(&self) {
        *self.state.lock() = State::Cut;
    }

    pub(crate) fn hold(&self) {
        let mut state = self.state.lock();
        if *state == State::Open {
            *state = State::Held;
        }
    }

    pub(crate) fn release(&self) {
        let mut state = self.state.lock();
        if *state == State::Held {
            *state = State::Open;
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "conductor-{}.{}", self.host + 1, self.life)
    }
}
