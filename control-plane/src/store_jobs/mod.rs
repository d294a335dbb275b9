//! What an operator has done to a whole store. By `ferric store` itself where it can open the store, and else by the
//! `ferric serve` that has it open, which is asked through a socket in the state directory.

pub(crate) mod client;
mod frame;
pub(crate) mod server;

use anyhow::Context;
use async_trait::async_trait;
use ferric_store::upkeep::{self, Backup, Upkeep};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Backup,
    Check,
    RotateKey,
}

impl Job {
    const ALL: [Self; 3] = [Self::Backup, Self::Check, Self::RotateKey];

    const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Check => "check",
            Self::RotateKey => "rotate-key",
        }
    }
}

/// How a job ended that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fine,
    /// The store is not as it should be.
    Wrong,
}

/// Where a job's results go.
#[async_trait]
pub(crate) trait Sink: Send {
    async fn line(&mut self, text: &str) -> io::Result<()>;

    /// The next bytes of a backup.
    async fn bytes(&mut self, bytes: Vec<u8>) -> io::Result<()>;
}

pub(crate) async fn run(job: Job, store: &dyn Upkeep, sink: &mut dyn Sink) -> anyhow::Result<End> {
    match job {
        Job::Backup => backup(store, sink).await,
        Job::Check => check(store, sink).await,
        Job::RotateKey => rotate(store, sink).await,
    }
}

async fn backup(store: &dyn Upkeep, sink: &mut dyn Sink) -> anyhow::Result<End> {
    let mut backup = Backup::begin(store).await?;
    loop {
        let bytes = backup.next().await?;
        if bytes.is_empty() {
            break;
        }
        sink.bytes(bytes).await.context("writing the backup")?;
    }
    let (records, events) = backup.counts();
    let text = format!("{records} records, {events} events backed up");
    sink.line(&text).await?;
    Ok(End::Fine)
}

async fn check(store: &dyn Upkeep, sink: &mut dyn Sink) -> anyhow::Result<End> {
    let report = upkeep::check(store).await?;
    for finding in &report.findings {
        sink.line(&finding.to_string()).await?;
    }
    let text = format!(
        "{} records, {} events, {} entries of indexes checked, {} wrong",
        report.records, report.events, report.entries, report.found
    );
    sink.line(&text).await?;
    Ok(if report.found == 0 {
        End::Fine
    } else {
        End::Wrong
    })
}

async fn rotate(store: &dyn Upkeep, sink: &mut dyn Sink) -> anyhow::Result<End> {
    let changed = upkeep::change_key(store).await?;
    if changed.went_on {
        sink.line("an earlier change of the key was not finished: this is its rest")
            .await?;
    }
    let text = format!(
        "{} records and events sealed by the new key",
        changed.resealed
    );
    sink.line(&text).await?;
    Ok(End::Fine)
}

/// The socket of a state directory, by a path that is short whatever the directory's is: a socket's may have 107 bytes.
/// It holds as long as the file is open.
fn socket(state_dir: &Path) -> io::Result<(File, PathBuf)> {
    use std::os::fd::AsRawFd;
    let folder = File::open(state_dir)?;
    let path = format!("/proc/self/fd/{}/store.sock", folder.as_raw_fd());
    Ok((folder, PathBuf::from(path)))
}
