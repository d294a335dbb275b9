//! Ctrl-C and the other wishes that a program ends: noted, and answered by every wait, so that all is put away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static SEEN: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on these signals make [`crate::wait::until`] fail with [`Interrupted`] and do nothing else.
///
/// # Errors
/// When the operating system refuses.
pub fn watch() -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&SEEN)).context("watching for signals")?;
    }
    Ok(())
}

/// Whether one of them came.
pub fn seen() -> bool {
    SEEN.load(Ordering::Relaxed)
}

/// The error of a wait that was interrupted.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;
