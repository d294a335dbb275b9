//! The conductor that is measured: how long it takes to answer, and how much memory it has.

use anyhow::{Context, bail};
use ferric_tests::api::Api;
use ferric_tests::process::{Running, command};
use ferric_tests::wait;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(5);

/// As `/proc` shows it, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

pub(crate) struct Conductor {
    running: Running,
    pub(crate) api: Api,
    /// From the start of the process to the first answer.
    pub(crate) started_in: Duration,
}

impl Conductor {
    /// Periodic jobs that come every minutes in use come every few seconds here, so that a minute shows many passes.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        state: &Path,
        host: &str,
    ) -> anyhow::Result<Self> {
        Self::start_with(program, folder, state, host, "")
    }

    /// With more settings than those.
    pub(crate) fn start_with(
        program: &Path,
        folder: &Path,
        state: &Path,
        host: &str,
        more: &str,
    ) -> anyhow::Result<Self> {
        let ports = [free_port()?, free_port()?];
        let settings = format!(
            "state_dir = \"{}\"\nhost = \"{host}\"\n\n[api]\nlisten = \"127.0.0.1:{}\"\n\n\
             [provision]\nlisten = \"127.0.0.1:{}\"\n\n[agent]\npoll_interval_s = 1\n\n\
             [conductor]\npower_sync_interval_s = 10\npower_recovery_interval_s = 5\nwait_check_interval_s = 1\n{more}",
            state.display(),
            ports[0],
            ports[1],
        );
        let file = folder.join("ferric.toml");
        std::fs::write(&file, settings)?;
        let api = Api::new(&format!("http://127.0.0.1:{}", ports[0]))?;
        let mut serve = command(program);
        serve.arg("serve").arg("--config").arg(&file);
        let begun = Instant::now();
        let mut running = Running::start("ferric", &mut serve, &folder.join("ferric.log"))?;
        while api.get("/v1/nodes?limit=1").is_err() {
            running.check()?;
            if begun.elapsed() > PATIENCE {
                bail!("ferric did not answer: {}", running.tail());
            }
            wait::pause(LOOK);
        }
        Ok(Self {
            running,
            api,
            started_in: begun.elapsed(),
        })
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let path = PathBuf::from(format!("/proc/{}/status", self.running.pid()));
        let text = std::fs::read_to_string(path)?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .with_context(|| format!("no {key} in /proc"))
        };
        Ok(Memory {
            resident: value("VmRSS:")?,
            peak: value("VmHWM:")?,
        })
    }

    /// SIGKILL.
    pub(crate) fn kill(self) -> anyhow::Result<()> {
        self.running.crash()
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
