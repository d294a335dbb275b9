//! One running QEMU: its process and its control connection, from start to end.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::qmp::{self, Qmp, ShutdownReason};
use crate::run::lasting;

use super::command_line::CD_DRIVE;

const LOG: &str = "qemu.log";
/// How long QEMU may take to close its disks before it is killed.
const QUIT_DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Process {
    child: Child,
    qmp: Qmp,
    /// The one task that reads from QEMU; it ends with it.
    connection: JoinSet<Option<ShutdownReason>>,
    reason: Option<ShutdownReason>,
}

impl Process {
    /// Starts QEMU in `directory` and waits until it takes orders, at which time the guest runs.
    pub(super) async fn start(arguments: Vec<String>, directory: &Path) -> anyhow::Result<Process> {
        let log_path = directory.join(LOG);
        let log = OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.with_context(|| format!("opening {}", log_path.display()))?;
        let mut child = lasting("qemu-system-x86_64")
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("starting qemu-system-x86_64")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("QEMU was started without pipes");
        };
        let (qmp, carrier) = qmp::connect(stdout, stdin);
        let mut connection = JoinSet::new();
        let machine = directory.file_name().unwrap_or_default();
        let span = tracing::info_span!("qemu", machine = %machine.display());
        let carried = async {
            carrier.run().await.unwrap_or_else(|error| {
                tracing::warn!("the control connection to QEMU broke: {error:#}");
                None
            })
        };
        connection.spawn(carried.instrument(span));
        let process = Process {
            child,
            qmp,
            connection,
            reason: None,
        };
        process
            .qmp
            .negotiate()
            .await
            .with_context(|| last_words(&log_path))?;
        Ok(process)
    }

    /// Waits for the end. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> ShutdownReason {
        while let Some(said) = self.connection.join_next().await {
            self.reason = said.ok().flatten();
        }
        match self.child.wait().await {
            Ok(status) if status.success() => self.reason.unwrap_or(ShutdownReason::Other),
            Ok(status) => {
                tracing::warn!(%status, "QEMU ended by itself, see its log");
                ShutdownReason::Other
            }
            Err(error) => {
                tracing::warn!(%error, "waiting for QEMU failed");
                ShutdownReason::Other
            }
        }
    }

    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing QEMU")
    }

    /// Ends QEMU in order: what the guest has written is in the disk files then.
    pub(super) async fn quit(mut self) -> anyhow::Result<()> {
        let quit = async {
            self.qmp.execute("quit", json!({})).await?;
            self.child.wait().await.context("waiting for QEMU")
        };
        if !matches!(timeout(QUIT_DEADLINE, quit).await, Ok(Ok(_))) {
            return self.kill().await;
        }
        Ok(())
    }

    pub(super) async fn press_button(&self) -> anyhow::Result<()> {
        self.qmp
            .execute("system_powerdown", json!({}))
            .await
            .map(drop)
    }

    pub(super) async fn nmi(&self) -> anyhow::Result<()> {
        self.qmp.execute("inject-nmi", json!({})).await.map(drop)
    }

    pub(super) async fn insert(&self, file_name: &str) -> anyhow::Result<()> {
        let arguments = json!({"id": CD_DRIVE, "filename": file_name, "format": "raw", "force": true,
            "read-only-mode": "read-only"});
        self.qmp
            .execute("blockdev-change-medium", arguments)
            .await
            .map(drop)
    }

    pub(super) async fn eject(&self) -> anyhow::Result<()> {
        self.qmp
            .execute("eject", json!({"id": CD_DRIVE, "force": true}))
            .await
            .map(drop)
    }
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    format!(
        "starting QEMU: {}",
        text.lines().next_back().unwrap_or("it said nothing")
    )
}
