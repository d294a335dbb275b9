//! One of the conductors: the real program with a state directory, addresses and a way to the database of its own.

use super::link::Link;
use anyhow::{Context, ensure};
use ferric_tests::played::client::Client;
use ferric_tests::process::{Running, command};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// For a request that one conductor hands to another one. Clients wait longer.
const FORWARD_S: u64 = 8;
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Member {
    pub(crate) host: String,
    pub(crate) folder: PathBuf,
    pub(crate) operators: String,
    pub(crate) machines: String,
    /// What the other conductors call.
    pub(crate) url: String,
    /// Between it and the database.
    pub(crate) store: Link,
    /// Between the other conductors and it.
    pub(crate) peers: Link,
    /// Of this conductor alone.
    pub(crate) client: Client,
    running: Option<Running>,
}

impl Member {
    /// Not started yet. `shared`: the lines that all members have.
    pub(crate) async fn new(
        number: u8,
        folder: &Path,
        database: (&str, SocketAddr),
        shared: &str,
    ) -> anyhow::Result<Self> {
        let host = format!("conductor-{number}");
        // An address each, so that nothing of one is mistaken for another's.
        let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, number + 1));
        let folder = folder.join(&host);
        fs::create_dir_all(&folder)?;
        let [operators, machines, cluster] = [(); 3].map(|()| free(address));
        let (operators, machines, cluster) = (operators?, machines?, cluster?);
        let store = Link::start(address, database.1).await?;
        let peers = Link::start(address, cluster).await?;
        let settings = format!(
            "state_dir = \"{state}\"\nhost = \"{host}\"\nstore = \"postgresql://postgres@{store}/{name}\"\n\n\
             [api]\nlisten = \"{operators}\"\n\n[provision]\nlisten = \"{machines}\"\n\n\
             [cluster]\nlisten = \"{cluster}\"\nurl = \"https://{peers}\"\nforward_timeout_s = {FORWARD_S}\n\n{shared}",
            state = folder.join("state").display(),
            store = store.address,
            name = database.0,
            peers = peers.address,
        );
        fs::write(folder.join("ferric.toml"), settings)?;
        let operators = format!("http://{operators}");
        Ok(Self {
            client: Client::of_operator(std::slice::from_ref(&operators))?,
            machines: format!("http://{machines}"),
            url: format!("https://{}", peers.address),
            host,
            folder,
            operators,
            store,
            peers,
            running: None,
        })
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Until it answers.
    pub(crate) async fn start(&mut self, program: &Path) -> anyhow::Result<()> {
        let mut serve = command(program);
        serve.arg("serve").arg("--config");
        serve.arg(self.folder.join("ferric.toml"));
        let log = self.folder.join("ferric.log");
        let mut running = Running::start(&self.host, &mut serve, &log)?;
        let begun = Instant::now();
        while self.client.get("/v1/conductors").await.is_err() {
            running.check()?;
            ensure!(
                begun.elapsed() < START,
                "{} did not answer: {}",
                self.host,
                running.tail()
            );
            sleep(LOOK).await;
        }
        self.running = Some(running);
        Ok(())
    }

    fn running(&self) -> anyhow::Result<&Running> {
        let running = self.running.as_ref();
        running.with_context(|| format!("{} does not run", self.host))
    }

    /// Fails with the end of its log when it has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        self.running.as_mut().map_or(Ok(()), Running::check)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        let running = self.running.take();
        running.context("it does not run")?.crash()
    }

    /// SIGSTOP, at a moment at which it does not hold the file of a machine: a BMC would be held by nobody.
    pub(crate) async fn pause(&self, fakes: &Path) -> anyhow::Result<()> {
        let running = self.running()?;
        for _ in 0..1000 {
            running.signal(Signal::SIGSTOP);
            if !holds_a_lock(running.pid(), fakes)? {
                return Ok(());
            }
            running.signal(Signal::SIGCONT);
            sleep(Duration::from_millis(1)).await;
        }
        anyhow::bail!("{} always holds a machine's file", self.host)
    }

    /// SIGCONT.
    pub(crate) fn wake(&self) -> anyhow::Result<()> {
        self.running()?.signal(Signal::SIGCONT);
        Ok(())
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn drain(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let mut running = self.running.take().context("it does not run")?;
        running.signal(Signal::SIGTERM);
        let begun = Instant::now();
        loop {
            if let Some(status) = running.ended()? {
                return Ok(status);
            }
            ensure!(
                begun.elapsed() < limit,
                "{} has not ended {} s after SIGTERM: {}",
                self.host,
                limit.as_secs(),
                running.tail()
            );
            sleep(LOOK).await;
        }
    }

    /// At once: what it would hand over is nobody's business any more.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.running.take().map_or(Ok(()), Running::crash)
    }
}

/// Somebody else may take it before the conductor does; then that does not start and says so.
fn free(address: IpAddr) -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind((address, 0))?.local_addr()?)
}

/// Whether a process holds the lock of a file in this folder.
fn holds_a_lock(pid: u32, folder: &Path) -> anyhow::Result<bool> {
    let mut locks = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|end| end == "lock") {
            locks.insert(entry.metadata()?.ino());
        }
    }
    Ok(held(&fs::read_to_string("/proc/locks")?, pid)
        .iter()
        .any(|inode| locks.contains(inode)))
}

/// The inodes that a process has locked; whoever waits for a lock has an arrow in its line.
fn held(table: &str, pid: u32) -> Vec<u64> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, owner, file, ..] = words[..] else {
            return None;
        };
        let is_held = words[1] != "->" && owner == pid.to_string();
        file.rsplit(':').next().filter(|_| is_held)?.parse().ok()
    };
    table.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_that_are_held_are_told_from_those_that_are_waited_for() {
        let table = "1: FLOCK  ADVISORY  WRITE 41 fe:00:5001 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 42 fe:00:5001 0 EOF\n\
                     2: POSIX  ADVISORY  READ  41 fe:00:77 128 128\n";
        assert_eq!(held(table, 41), [5001, 77]);
        assert_eq!(held(table, 42), [0; 0]);
    }
}
