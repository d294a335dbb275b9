//! The two servers that are asked, each on a port of its own.

use crate::fill::{HOST, Machine};
use anyhow::{Context, bail};
use ferric_tests::api::Api;
use ferric_tests::process::{Running, command};
use ferric_tests::wait;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Ferric {
    running: Running,
    pub(crate) api: Api,
}

pub(crate) struct Bare {
    _running: Running,
    pub(crate) base: String,
}

impl Ferric {
    /// As it is in use, but for fast track: so that ramdisks may look up and beat while nothing is done to their machines. And
    /// power is not compared, as it would show that there are no machines.
    pub(crate) fn start(program: &Path, folder: &Path, state: &Path) -> anyhow::Result<Self> {
        let (api, provision) = (free_port()?, free_port()?);
        let settings = format!(
            "state_dir = \"{}\"\nhost = \"{HOST}\"\n\n[api]\nlisten = \"127.0.0.1:{api}\"\n\n\
             [provision]\nlisten = \"127.0.0.1:{provision}\"\n\n[deploy]\nfast_track = true\n\n\
             [conductor]\npower_sync_interval_s = 0\n",
            state.display(),
        );
        let file = folder.join("ferric.toml");
        std::fs::write(&file, settings)?;
        let mut serve = command(program);
        serve.arg("serve").arg("--config").arg(&file);
        let mut running = Running::start("ferric", &mut serve, &folder.join("ferric.log"))?;
        let api = Api::new(&format!("http://127.0.0.1:{api}"))?;
        wait::until("an answer of ferric", PATIENCE, || {
            running.check()?;
            Ok(api.get("/v1/nodes?limit=1").ok())
        })?;
        Ok(Self { running, api })
    }

    /// The nodes were another process's: they are taken over one by one.
    pub(crate) fn until_all_are_taken_over(&self, machines: &[Machine]) -> anyhow::Result<()> {
        let change =
            serde_json::json!([{"op": "add", "path": "/extra/mark", "value": "taken over"}]);
        wait::until("the last node to be taken over", PATIENCE, || {
            let all = machines.iter().rev().step_by(97).all(|machine| {
                let path = format!("/v1/nodes/{}", machine.id);
                self.api.patch(&path, &change).is_ok()
            });
            Ok(all.then_some(()))
        })
    }

    /// KiB, as `/proc` shows it.
    pub(crate) fn resident(&self, key: &str) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.running.pid());
        let text = std::fs::read_to_string(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next());
        let number = number.with_context(|| format!("no {key} in /proc"))?;
        Ok(number.parse()?)
    }
}

impl Bare {
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut bare = command(program);
        bare.arg("--listen")
            .arg(&address)
            .arg("--folder")
            .arg(folder);
        let mut running = Running::start("ferric-bare", &mut bare, &folder.join("bare.log"))?;
        wait::until("an answer of ferric-bare", PATIENCE, || {
            running.check()?;
            Ok(TcpStream::connect(&address).ok())
        })?;
        Ok(Self {
            _running: running,
            base: format!("http://{address}"),
        })
    }
}

/// What was measured on, and how busy it was.
pub(crate) fn machine() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    if load.is_empty() {
        bail!("/proc/loadavg is empty");
    }
    Ok(format!("{cores} cores, load average {}", load.join(" ")))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
