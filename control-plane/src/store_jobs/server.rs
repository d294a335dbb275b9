//! The side of `ferric serve`: it does jobs for the user that it runs as and for root, and for nobody else.

use super::frame::{self, Kind};
use super::{End, Job, Sink, run, socket};
use anyhow::Context;
use async_trait::async_trait;
use ferric_store::upkeep::Upkeep;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, BufWriter};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// A job reads all of the store: two at once would only slow each other down, and a key changes once at a time.
const AT_ONCE: usize = 1;
/// For the name of the job, and for each piece of the answer.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_NAME: u64 = 64;

/// Whoever holds the store makes the socket anew: one that is there is a dead process's.
///
/// # Errors
/// When the state directory takes no socket.
pub(crate) fn bind(state_dir: &Path) -> anyhow::Result<UnixListener> {
    let doing = || format!("making the socket store.sock in {}", state_dir.display());
    let (_folder, path) = socket(state_dir).with_context(doing)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(doing);
        }
        Ok(()) | Err(_) => {}
    }
    UnixListener::bind(&path).with_context(doing)
}

pub(crate) async fn serve(listener: UnixListener, store: Arc<dyn Upkeep>, stop: CancellationToken) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut jobs = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, say: those who have some give them back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while jobs.try_join_next().is_some() {}
        let (store, turns, stop) = (Arc::clone(&store), Arc::clone(&turns), stop.clone());
        jobs.spawn(async move {
            // A backup that is cut off is told from a whole one; a change of the key goes on when it is asked for again.
            let answered = stop.run_until_cancelled(answer(stream, store.as_ref(), &turns));
            if let Some(Err(error)) = answered.await {
                warn!(
                    error = error.as_ref() as &dyn std::error::Error,
                    "a job on the store was not done"
                );
            }
        });
    }
    while jobs.join_next().await.is_some() {}
}

async fn answer(stream: UnixStream, store: &dyn Upkeep, turns: &Semaphore) -> anyhow::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = std::fs::metadata("/proc/self")?.uid();
    let (read, write) = stream.into_split();
    let mut sink = Remote(BufWriter::new(write));
    if peer != own && peer != 0 {
        return sink
            .end(
                Kind::Failed,
                "only the user that ferric runs as may ask for this",
            )
            .await;
    }
    let mut name = String::new();
    let mut asked = BufReader::new(read.take(LONGEST_NAME));
    timeout(PATIENCE, asked.read_line(&mut name)).await??;
    let mut jobs = Job::ALL.into_iter();
    let Some(job) = jobs.find(|job| job.name() == name.trim_end()) else {
        return sink
            .end(Kind::Failed, "the ferric that runs does not know this job")
            .await;
    };
    let _turn = turns.acquire().await?;
    info!(job = job.name(), "a job on the store begins");
    match run(job, store, &mut sink).await {
        Ok(End::Fine) => sink.end(Kind::Fine, "").await,
        Ok(End::Wrong) => sink.end(Kind::Wrong, "").await,
        Err(error) => {
            sink.end(Kind::Failed, &format!("{error:#}")).await?;
            Err(error)
        }
    }
}

struct Remote(BufWriter<OwnedWriteHalf>);

impl Remote {
    /// A reader that stalls must not hold a snapshot for ever.
    async fn send(&mut self, kind: Kind, content: &[u8]) -> io::Result<()> {
        let sent = async {
            frame::write(&mut self.0, kind, content).await?;
            tokio::io::AsyncWriteExt::flush(&mut self.0).await
        };
        timeout(PATIENCE, sent).await?
    }

    async fn end(&mut self, kind: Kind, text: &str) -> anyhow::Result<()> {
        Ok(self.send(kind, text.as_bytes()).await?)
    }
}

#[async_trait]
impl Sink for Remote {
    async fn line(&mut self, text: &str) -> io::Result<()> {
        self.send(Kind::Line, text.as_bytes()).await
    }

    async fn bytes(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.send(Kind::Bytes, &bytes).await
    }
}
