//! What happened in a world, as lines with the time at which it did. Kept only for those who ask.

use parking_lot::Mutex;
use std::fmt::Display;
use tokio::time::Instant;

/// Whether the lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Yes,
    No,
}

pub(crate) struct Log {
    began: Instant,
    lines: Option<Mutex<String>>,
}

impl Log {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            began: Instant::now(),
            lines: (keep == Keep::Yes).then(Mutex::default),
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// Since the world began.
    pub(crate) fn elapsed_ms(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    /// Adds a line; it is not even put together where nobody keeps it.
    pub(crate) fn note<T: Display>(&self, who: impl Display, what: impl FnOnce() -> T) {
        if let Some(lines) = &self.lines {
            let line = format!("{:>10} {who}: {}\n", self.elapsed_ms(), what());
            lines.lock().push_str(&line);
        }
    }

    pub(crate) fn text(&self) -> String {
        self.lines
            .as_ref()
            .map(|lines| lines.lock().clone())
            .unwrap_or_default()
    }
}
