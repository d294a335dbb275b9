//! The program `ferric`: the conductor with its API, and the command line that talks to one.

mod memory;

use clap::Parser;
use ferric::cli::{Arguments, Exit};
use std::process::ExitCode;
use std::time::Duration;

/// For what still runs on threads at the end, such as a read from a file system that does not answer.
const THREADS_LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    ferric::tls::install_provider();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            drop(error.print());
            return code.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return ferric::cli::report(&anyhow::Error::new(error).context("starting the runtime"));
        }
    };
    let outcome = runtime.block_on(ferric::cli::run(arguments));
    runtime.shutdown_timeout(THREADS_LIMIT);
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(error) => ferric::cli::report(&error),
    }
}
