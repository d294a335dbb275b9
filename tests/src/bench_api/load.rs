//! wrk, the load generator, with what `tests/bench-api/requests.lua` sends.

use anyhow::{Context, bail};
use ferric_tests::images::top;
use ferric_tests::process::{command, output};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// Before it is measured: connections are made, caches are filled.
const WARM_UP_S: u64 = 2;

pub(crate) struct Load {
    folder: PathBuf,
    seconds: u64,
}

/// What wrk found.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Found {
    requests: u64,
    duration_us: u64,
    /// Answers of 400 and above.
    refused: u64,
    /// Connections that broke, and answers that did not come.
    failed: u64,
    p99_us: u64,
}

impl Found {
    pub(crate) fn rate(self) -> f64 {
        self.requests as f64 * 1e6 / self.duration_us as f64
    }

    pub(crate) fn p99(self) -> Duration {
        Duration::from_micros(self.p99_us)
    }
}

impl Load {
    pub(crate) fn new(folder: &Path, seconds: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            seconds,
        }
    }

    /// Asks the server under `base` for one thing over and over.
    pub(crate) fn run(&self, base: &str, what: &str, connections: u32) -> anyhow::Result<Found> {
        self.spell(base, what, connections, WARM_UP_S)?;
        self.spell(base, what, connections, self.seconds)
    }

    fn spell(
        &self,
        base: &str,
        what: &str,
        connections: u32,
        seconds: u64,
    ) -> anyhow::Result<Found> {
        let run = format!("{:08x}", Uuid::new_v4().as_fields().0);
        let mut wrk = command("wrk");
        wrk.arg("--threads=1")
            .arg(format!("--connections={connections}"))
            .arg(format!("--duration={seconds}s"))
            .arg("--timeout=30s")
            .arg("--script")
            .arg(top().join("tests/bench-api/requests.lua"))
            .arg(base)
            .arg("--")
            .arg(what)
            .arg(self.folder.join("nodes"))
            .arg(run)
            .arg(self.folder.join("new.json"));
        let said = output(&mut wrk).context("running wrk (Debian's package of this name)")?;
        let line = said.lines().find(|line| line.starts_with('{'));
        let line = line.with_context(|| format!("wrk gave no figures: {said}"))?;
        let found: Found = serde_json::from_str(line)?;
        if found.requests == 0 || found.refused > 0 || found.failed > 0 {
            bail!("{what} at {base}: not every request was answered well: {found:?}");
        }
        Ok(found)
    }
}
