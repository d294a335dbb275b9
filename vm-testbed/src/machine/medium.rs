//! The medium in a machine's CD drive: fetched whole before it is inserted, so that the guest never waits for a network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use url::Url;
use uuid::Uuid;

const FETCH_DEADLINE: Duration = Duration::from_secs(600);
const LARGEST_BYTES: u64 = 16 << 30;
const SUFFIX: &str = "medium.iso";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    pub url: Url,
    /// In the machine's directory.
    pub file_name: String,
}

impl Medium {
    pub async fn fetch(url: &Url, directory: &Path) -> anyhow::Result<Medium> {
        // A name of its own: the one before is in use until the drive has let it go.
        let file_name = format!("{}.{SUFFIX}", Uuid::new_v4());
        let path = directory.join(&file_name);
        let fetched = tokio::time::timeout(FETCH_DEADLINE, fetch_to(url, &path)).await;
        if let Err(error) = fetched.unwrap_or_else(|_| bail!("it took too long")) {
            remove(&path);
            return Err(error.context(format!("fetching {url}")));
        }
        Ok(Medium {
            url: url.clone(),
            file_name,
        })
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

async fn fetch_to(url: &Url, path: &Path) -> anyhow::Result<()> {
    match url.scheme() {
        "http" | "https" => fetch_http(url, path).await,
        "file" => {
            let Ok(source) = url.to_file_path() else {
                bail!("it names no file")
            };
            tokio::fs::copy(&source, path)
                .await
                .with_context(|| format!("copying {}", source.display()))?;
            Ok(())
        }
        other => bail!("the scheme {other} is not supported, use http, https or file"),
    }
}

async fn fetch_http(url: &Url, path: &Path) -> anyhow::Result<()> {
    // A BMC has no store of trusted certificates unless one is loaded into it.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()?;
    let answer = client.get(url.clone()).send().await?.error_for_status()?;
    let mut file = File::create(path)
        .await
        .with_context(|| format!("creating {}", path.display()))?;
    let mut body = answer.bytes_stream();
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        length += chunk.len() as u64;
        ensure!(
            length <= LARGEST_BYTES,
            "the image is larger than {LARGEST_BYTES} bytes"
        );
        file.write_all(&chunk)
            .await
            .with_context(|| format!("writing {}", path.display()))?;
    }
    file.flush()
        .await
        .with_context(|| format!("writing {}", path.display()))
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
