//! Waits until udev has caught up and device nodes are there. New partitions appear late and briefly vanish again
//! when udev looks at them, so every change of a table is followed by both waits.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::run::{Limits, run_within};

const UDEV_SECONDS: u64 = 60;
const POLL: Duration = Duration::from_millis(100);

/// Waits for udev's queue; at once where udev does not run.
pub(crate) fn settle() {
    if !Path::new("/run/udev/control").exists() {
        return;
    }
    let timeout = format!("--timeout={UDEV_SECONDS}");
    let limits = Limits {
        time: Duration::from_secs(UDEV_SECONDS + 10),
        ..Limits::default()
    };
    if let Err(error) = run_within("udevadm", &["settle", &timeout], limits) {
        // A hung rule of one device is no reason to give up another one.
        tracing::warn!(error = &error as &dyn std::error::Error, "waiting for udev");
    }
}

/// Tries until it works or the time is over; the last error is the answer.
pub(crate) fn retry<T, E>(
    time: Duration,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let deadline = Instant::now() + time;
    loop {
        match attempt() {
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::park_timeout(POLL),
            done => return done,
        }
    }
}
