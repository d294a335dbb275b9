//! The side of the commands. Blocking: a command asks one thing and ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use tokio::time::{sleep, timeout};

use super::{Reply, Request};
use crate::state::StateDir;

/// An orderly power-off of a machine is the longest thing that is waited for.
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);

pub struct Client(UnixStream);

impl Client {
    pub fn connect(directory: &StateDir) -> anyhow::Result<Client> {
        let connect = || -> anyhow::Result<UnixStream> {
            let stream = UnixStream::connect(directory.control_socket()?.path)?;
            stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
            Ok(stream)
        };
        let context = || {
            format!(
                "reaching the lab in {} (is it up?)",
                directory.path().display()
            )
        };
        connect().map(Client).with_context(context)
    }

    /// The daemon's process, as the kernel knows it: a file with a number in it could be of an earlier one.
    pub fn daemon(&self) -> anyhow::Result<Pid> {
        let peer =
            getsockopt(&self.0, PeerCredentials).context("asking who the lab's daemon is")?;
        Ok(Pid::from_raw(peer.pid()))
    }

    pub fn ask(&mut self, request: &Request) -> anyhow::Result<Reply> {
        let mut line = serde_json::to_string(request).context("writing a request")?;
        line.push('\n');
        self.0
            .write_all(line.as_bytes())
            .context("asking the lab")?;
        let mut answer = String::new();
        BufReader::new(&self.0)
            .read_line(&mut answer)
            .context("waiting for the lab's answer")?;
        match serde_json::from_str(&answer)
            .with_context(|| format!("reading the lab's answer {answer:?}"))?
        {
            Reply::Failed(message) => bail!(message),
            reply @ (Reply::Done | Reply::Machines(_)) => Ok(reply),
        }
    }

    /// Returns when the daemon has ended, and with it everything that it started.
    pub fn wait_for_end(self) -> anyhow::Result<()> {
        let daemon = self.daemon()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.context("starting the runtime")?;
        runtime.block_on(async {
            let ended = async {
                while is_alive(daemon) {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(ANSWER_DEADLINE, ended)
                .await
                .with_context(|| format!("waiting for process {daemon} to end"))
        })
    }
}

/// A process that nobody has waited for yet is dead all the same.
fn is_alive(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}
