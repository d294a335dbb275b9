//! The log: to standard error, with the level from `FERRIC_LOG` (as in `FERRIC_LOG=ferric=debug`), coloured on a terminal only.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Once, by the program.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("FERRIC_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Refused only when a log stands already, as in tests.
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            // A log on a full disk would be complained of on the same disk, and that ends the process with a panic.
            .log_internal_errors(false)
            .try_init(),
    );
}
