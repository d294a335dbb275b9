//! `ferric-agent`: reads its settings, looks at the machine, and runs until it is told to end.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;
use ferric_agent::config::{self, ConfigError, Flags, Settings};
use ferric_agent::host::Host;
use ferric_agent::media::VirtualMedia;
use ferric_agent::own_log::own_log;
use ferric_agent::{service, tls};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// Changes what is logged, once the settings are known.
type LogFilter = reload::Handle<Targets, Registry>;

/// Bad usage or configuration, an inner fault, try again: sysexits.h.
const USAGE: u8 = 64;
const INTERNAL: u8 = 70;
const RETRY: u8 = 75;

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            drop(error.print());
            let is_help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return if is_help {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(USAGE)
            };
        }
    };
    let log = start_log(flags.log.clone());
    match run(&flags, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "ferric-agent ends"
            );
            ExitCode::from(code)
        }
    }
}

fn run(flags: &Flags, log: &LogFilter) -> Result<(), (u8, anyhow::Error)> {
    let host = Host::detect(&flags.only_devices).map_err(|error| (USAGE, error.into()))?;
    let host = if flags.run_hardware_managers {
        host.that_runs_programs()
    } else {
        host
    };
    // Elsewhere than in the ramdisk there are no media that would be this agent's to read.
    let media = VirtualMedia::of(&host).ok();
    let settings = config::load_beside(flags, media.as_ref()).map_err(|error| match error {
        // A BMC that does not answer may do so when it is asked again.
        ConfigError::Media(_) => (RETRY, error.into()),
        _ => (USAGE, error.into()),
    })?;
    if settings.debug {
        drop(log.reload(Targets::new().with_default(LevelFilter::DEBUG)));
    }
    tracing::info!(root = ?host.root(), version = env!("CARGO_PKG_VERSION"), "ferric-agent begins");
    tls::install_provider();
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime");
    let runtime = runtime.map_err(|error| (INTERNAL, error))?;
    let result = runtime.block_on(until_signal(settings, host));
    // A disk that does not answer must not keep the process from ending, but a hardware manager is given three seconds
    // to end and must be gone, too.
    runtime.shutdown_timeout(Duration::from_secs(6));
    result
}

fn start_log(filter: Targets) -> LogFilter {
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Details of a debug log are for whoever reads it here.
    let own = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .with_writer(own_log)
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(own)
        .init();
    handle
}

/// Runs the agent; a signal asks it to end in order.
async fn until_signal(settings: Settings, host: Host) -> Result<(), (u8, anyhow::Error)> {
    let handler = |kind| {
        let handler = signal(kind).context("waiting for signals");
        handler.map_err(|error| (INTERNAL, error))
    };
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let mut service = std::pin::pin!(service::run(settings, host, stop.clone()));
    let result = tokio::select! {
        biased;
        result = &mut service => result,
        _ = terminate.recv() => { stop.cancel(); service.await }
        _ = interrupt.recv() => { stop.cancel(); service.await }
    };
    result.map_err(|error| (RETRY, error.into()))
}
