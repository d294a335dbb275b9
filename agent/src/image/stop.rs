//! The wish that a write ends: set by whoever cancels it, or by the write itself when it has failed.
//!
//! Every wait of the disk path goes through `pause`, so that it ends at once.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A handle; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Asks for the end; it is never taken back.
    pub fn request(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }

    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.0.lock()
    }

    /// Waits, but not beyond the wish to end. True when the work may go on.
    pub(crate) fn pause(&self, duration: Duration) -> bool {
        let mut requested = self.0.0.lock();
        self.0
            .1
            .wait_while_for(&mut requested, |requested| !*requested, duration);
        !*requested
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
            let waiting = scope.spawn(|| stop.pause(Duration::from_mins(1)));
            stop.clone().request();
            assert!(!waiting.join().unwrap());
        });
        assert!(stop.is_requested());
    }
}
