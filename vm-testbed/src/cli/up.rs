//! `up`: everything that must happen before the first thread, in its order, and then the lab.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::config::Lab;
use crate::network::{forward, loopback};
use crate::state::StateDir;
use crate::{lab, namespace};

/// Where a lab keeps its state.
pub(super) enum Place<'a> {
    /// All in one directory.
    Here(&'a Path),
    ByName {
        runtime: &'a Path,
        lasting: PathBuf,
    },
}

pub(super) fn up(file: &Path, place: &Place<'_>) -> anyhow::Result<()> {
    let lab = Lab::load(file)?;
    let directory = match place {
        Place::Here(path) => StateDir::new(path)?,
        Place::ByName { runtime, lasting } => StateDir::of_lab(runtime, lasting, &lab.name)?,
    };
    let claim = directory.claim()?;
    loopback::provide(&lab.forwards)?;
    let forwards = forward::bind(&lab.forwards)?;
    namespace::enter_new()?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("a TLS provider was already installed"))?;
    // One thread: what it forks dies with it, and it is the one that lives longest (see `run`).
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(lab::run(lab, &claim, forwards))
}
