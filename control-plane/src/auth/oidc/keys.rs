//! The issuer's keys: from a file that is read again when it has changed, or from a URL.

use super::fetched::Fetched;
use super::jwk::{self, Jwk};
use crate::auth::Refusal;
use crate::config::auth::KeySource;
use parking_lot::Mutex;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there are no keys, at start.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("reading oidc.jwks_file {}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("oidc.jwks_file {} is no set of keys: it must be {{\"keys\": [...]}} (RFC 7517)", .0.display())]
    NoKeys(PathBuf),
    #[error("making an HTTP client for oidc.jwks_url")]
    Client(#[source] reqwest::Error),
}

pub(super) type KeySet = Arc<Vec<Jwk>>;

pub(super) enum Keys {
    File(KeyFile),
    Url(Fetched),
}

impl Keys {
    pub(super) fn open(source: &KeySource) -> Result<Self, KeysError> {
        Ok(match source {
            KeySource::File(path) => Self::File(KeyFile::open(path)?),
            KeySource::Url(url) => Self::Url(Fetched::new(url).map_err(KeysError::Client)?),
        })
    }

    pub(super) async fn current(&self) -> Result<KeySet, Refusal> {
        match self {
            Self::File(file) => Ok(file.current()),
            Self::Url(fetched) => fetched.current().await,
        }
    }

    /// What there is beyond `known`, which did not suffice.
    pub(super) async fn newer(&self, known: &KeySet) -> Result<KeySet, Refusal> {
        match self {
            Self::File(_) => Ok(Arc::clone(known)),
            Self::Url(fetched) => fetched.newer(known).await,
        }
    }
}

pub(super) struct KeyFile {
    path: PathBuf,
    current: Mutex<(KeySet, Stamp)>,
}

/// What tells whether a file is another one than before: inode, time of change, size. `None`: there is none.
type Stamp = Option<(u64, i64, i64, u64)>;

impl KeyFile {
    fn open(path: &Path) -> Result<Self, KeysError> {
        let stamp = stamp(path);
        let current = Mutex::new((read(path)?, stamp));
        let path = path.to_owned();
        Ok(Self { path, current })
    }

    fn current(&self) -> KeySet {
        let mut current = self.current.lock();
        let stamp = stamp(&self.path);
        if stamp != current.1 {
            current.1 = stamp;
            current.0 = read(&self.path).unwrap_or_else(|error| {
                // As it cannot be known which were taken out of it, no key is left in.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the file of keys has changed, and nobody is let in");
                KeySet::default()
            });
        }
        Arc::clone(&current.0)
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.ino(), found.ctime(), found.ctime_nsec(), found.size()))
}

fn read(path: &Path) -> Result<KeySet, KeysError> {
    let text = std::fs::read_to_string(path).map_err(|source| KeysError::Read {
        path: path.to_owned(),
        source,
    })?;
    let document: Option<Value> = serde_json::from_str(&text).ok();
    let keys = document.as_ref().and_then(jwk::keys);
    let keys = keys.ok_or_else(|| KeysError::NoKeys(path.to_owned()))?;
    Ok(Arc::new(keys))
}
