//! The side of `ferric store`: a job for the `ferric serve` that has the store open.

use super::frame::{self, Kind};
use super::{End, Job, Sink, socket};
use anyhow::{Context, bail};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

pub(crate) async fn ask(state_dir: &Path, job: Job, sink: &mut dyn Sink) -> anyhow::Result<End> {
    let doing = || {
        format!(
            "asking the ferric that has the store in {} open",
            state_dir.display()
        )
    };
    let (_folder, path) = socket(state_dir).with_context(doing)?;
    let mut stream = UnixStream::connect(path).await.with_context(doing)?;
    let name = format!("{}\n", job.name());
    stream
        .write_all(name.as_bytes())
        .await
        .with_context(doing)?;
    loop {
        let (kind, content) = frame::read(&mut stream)
            .await
            .context("the ferric that has the store open ended before the job did")?;
        match kind {
            Kind::Line => sink.line(&String::from_utf8_lossy(&content)).await?,
            Kind::Bytes => sink.bytes(content).await.context("writing the backup")?,
            Kind::Fine => return Ok(End::Fine),
            Kind::Wrong => return Ok(End::Wrong),
            Kind::Failed => bail!("{}", String::from_utf8_lossy(&content)),
        }
    }
}
