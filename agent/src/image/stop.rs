//! The wish that a write ends: set by whoever cancels it, or by the write itself when it has failed.
//!
//! Every wait of the disk path goes through `pause`, so that it ends at once.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A handle; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requested: bool,
    children: Vec<Weak<Shared>>,
}

impl Stop {
    /// Asks for the end; it is never taken back.
    pub fn request(&self) {
        self.0.request();
    }

    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.state.lock().requested
    }

    /// Ends with this one, but this one does not end with it: for a write that fails alone.
    #[must_use]
    pub(crate) fn child(&self) -> Self {
        let mut state = self.0.state.lock();
        let requested = state.requested;
        let child = Arc::new(Shared {
            state: Mutex::new(State {
                requested,
                ..State::default()
            }),
            ..Shared::default()
        });
        state.children.retain(|other| other.strong_count() > 0);
        state.children.push(Arc::downgrade(&child));
        Self(child)
    }

    /// Waits, but not beyond the wish to end. True when the work may go on.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let mut state = self.0.state.lock();
        self.0
            .changed
            .wait_while_for(&mut state, |state| !state.requested, duration);
        !state.requested
    }
}

impl Shared {
    fn request(&self) {
        let children = {
            let mut state = self.state.lock();
            state.requested = true;
            std::mem::take(&mut state.children)
        };
        self.changed.notify_all();
        for child in children.iter().filter_map(Weak::upgrade) {
            child.request();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_the_wish() {
        let stop = Stop::default();
        assert!(stop.pause(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.child().pause(Duration::from_mins(1)));
            // Whether the child is made before or after, it hears of it.
            stop.clone().request();
            assert!(!waiting.join().unwrap());
        });
        assert!(stop.is_requested());
    }

    #[test]
    fn a_child_ends_alone() {
        let stop = Stop::default();
        let (first, second) = (stop.child(), stop.child());
        first.request();
        assert!(first.is_requested() && !second.is_requested() && !stop.is_requested());
        stop.request();
        assert!(second.is_requested());
    }
}
