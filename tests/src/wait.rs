//! Waiting on a state with a deadline. The one place that sleeps, and only between two looks.

use crate::interrupt;
use anyhow::bail;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(200);

/// Looks until there is something to see.
///
/// # Errors
/// The look's own error at once; [`interrupt::Interrupted`]; at the deadline a sentence with `what` was waited for.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        let seen = look();
        if interrupt::seen() {
            bail!(interrupt::Interrupted);
        }
        if let Some(seen) = seen? {
            return Ok(seen);
        }
        if started.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        pause(PAUSE);
    }
}

/// Between two looks.
#[expect(
    clippy::disallowed_methods,
    reason = "the one pause of the tests, between two looks at a state"
)]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
