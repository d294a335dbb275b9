//! The medium in a machine's CD drive: fetched whole before it is inserted, so that the guest never waits for a network.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;

const FETCH_DEADLINE: Duration = Duration::from_secs(600);
const LARGEST_BYTES: u64 = 16 << 30;
const SUFFIX: &str = ".medium.iso";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    pub url: Url,
    /// In the machine's directory.
    pub file_name: String,
}

/// An image on its way to the drive: its file goes when this is dropped, whoever gave up, unless the drive has taken it.
#[derive(Debug)]
pub struct Fetched {
    medium: Medium,
    file: TempPath,
}

impl Fetched {
    pub(super) fn medium(&self) -> &Medium {
        &self.medium
    }

    /// The drive has it; from here on `Medium::forget` removes the file.
    pub(super) fn keep(self) -> anyhow::Result<Medium> {
        self.file.keep().context("keeping a fetched image")?;
        Ok(self.medium)
    }
}

impl Medium {
    /// Where images can be fetched from.
    pub const SCHEMES: [&str; 3] = ["http", "https", "file"];

    pub async fn fetch(url: &Url, directory: &Path) -> anyhow::Result<Fetched> {
        // A name of its own: the one before is in use until the drive has let it go.
        let (file, path) = tempfile::Builder::new()
            .prefix("")
            .suffix(SUFFIX)
            .tempfile_in(directory)
            .with_context(|| format!("creating a file in {}", directory.display()))?
            .into_parts();
        let file_name = path.file_name().unwrap_or_default();
        let medium = Medium {
            url: url.clone(),
            file_name: file_name.to_string_lossy().into_owned(),
        };
        let fetched = timeout(FETCH_DEADLINE, fetch_to(url, file)).await;
        fetched
            .unwrap_or_else(|_| bail!("it took too long"))
            .with_context(|| format!("fetching {url}"))?;
        Ok(Fetched { medium, file: path })
    }

    /// What a BMC shows as the name of the image.
    pub fn name(&self) -> &str {
        self.url
            .path_segments()
            .and_then(|mut segments| segments.next_back())
            .unwrap_or_default()
    }

    pub(super) fn forget(&self, directory: &Path) {
        remove(&directory.join(&self.file_name));
    }
}

async fn fetch_to(url: &Url, file: File) -> anyhow::Result<()> {
    match url.scheme() {
        "http" | "https" => fetch_http(url, file).await,
        "file" => {
            let Ok(source) = url.to_file_path() else {
                bail!("it names no file")
            };
            spawn_blocking(move || copy(&source, file)).await?
        }
        other => bail!("the scheme {other} is not supported"),
    }
}

fn copy(source: &Path, mut file: File) -> anyhow::Result<()> {
    let copied = File::open(source).and_then(|mut source| std::io::copy(&mut source, &mut file));
    copied.with_context(|| format!("copying {}", source.display()))?;
    Ok(())
}

async fn fetch_http(url: &Url, file: File) -> anyhow::Result<()> {
    // A BMC has no store of trusted certificates unless one is loaded into it.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()?;
    let answer = client.get(url.clone()).send().await?.error_for_status()?;
    let mut file = tokio::fs::File::from_std(file);
    let mut body = answer.bytes_stream();
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        length += chunk.len() as u64;
        ensure!(
            length <= LARGEST_BYTES,
            "the image is larger than {LARGEST_BYTES} bytes"
        );
        file.write_all(&chunk).await.context("writing the image")?;
    }
    file.flush().await.context("writing the image")
}

/// Media of an earlier run belong to no BMC any more.
pub(super) fn remove_stale(directory: &Path) -> anyhow::Result<()> {
    let entries = directory
        .read_dir()
        .with_context(|| format!("reading {}", directory.display()))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.to_string_lossy().ends_with(SUFFIX) {
            remove(&path);
        }
    }
    Ok(())
}

fn remove(path: &PathBuf) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "removing a medium failed");
        }
        _ => {}
    }
}
