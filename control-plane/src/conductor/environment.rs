//! Time and randomness of the conductor, so that a test can replace both (design D13).
//!
//! Nobody here reads a clock or draws an id in any other way.

use super::planted::Planted;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::RngCore;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Where time, ids and secrets come from.
pub trait Environment: Send + Sync {
    /// The time of day. Never goes back, and makes no jump while the process lives.
    fn now(&self) -> Timestamp;
    /// A new id.
    fn id(&self) -> Uuid;
    /// A new agent token: 43 characters that are safe in a URL.
    fn token(&self) -> String;

    /// Whether this fault is planted in the conductor: by nobody but a simulation that shows that it would find it.
    fn planted(&self, _fault: Planted) -> bool {
        false
    }
}

/// The real thing.
///
/// The wall clock is read once: from then on time goes by the monotonic clock, so a step of the clock ends no wait.
#[derive(Debug)]
pub struct SystemEnvironment {
    started_at: Timestamp,
    started: Instant,
}

impl SystemEnvironment {
    /// Reads the wall clock.
    pub fn new() -> Self {
        Self {
            started_at: Timestamp::now(),
            started: Instant::now(),
        }
    }
}

impl Default for SystemEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for SystemEnvironment {
    fn now(&self) -> Timestamp {
        later(self.started_at, self.started.elapsed())
    }

    fn id(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn token(&self) -> String {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// `time` and a while. A sum beyond what can be written is the end of time.
pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by)
        .ok()
        .and_then(|by| time.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How much later `to` is than `from`; nothing when it is earlier.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        let environment = SystemEnvironment::default();
        let (one, other) = (environment.token(), environment.token());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
    }

    #[test]
    fn sums_do_not_overflow() {
        assert_eq!(
            later(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(between(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
    }
}
