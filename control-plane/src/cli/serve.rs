//! `ferric serve`: settings, store, conductor, the two listeners, until a signal or a fault ends it.

use crate::config::{Overrides, Settings};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// A TOML file with everything that can be set.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the store is kept.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The operator's API. Default: 127.0.0.1:6385.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What machines need to boot and report, and nothing else.
    #[arg(long, value_name = "ADDRESS:PORT")]
    provision_listen: Option<SocketAddr>,
}

pub(super) async fn run(serve: Serve) -> anyhow::Result<()> {
    let overrides = Overrides {
        state_dir: serve.state,
        listen: serve.listen,
        provision_listen: serve.provision_listen,
    };
    let settings = Settings::load(serve.config.as_deref(), overrides)?;
    crate::log::start();
    let stop = CancellationToken::new();
    let _signals = crate::process::stop_on_signal(&stop)?;
    crate::process::run(settings, stop).await
}
