//! Why a store cannot be opened: each sentence says what to do about it, and none holds a password.

use std::io;
use std::path::PathBuf;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is in use by another process: only one ferric can serve a state directory")]
    InUse { path: PathBuf },
    #[error("{store} was written by a newer release (schema {found}, this one knows {known})")]
    Newer {
        store: String,
        found: u64,
        known: u64,
    },
    #[error("{path} is a redb database, but not one of ferric")]
    Foreign { path: PathBuf },
    #[error(
        "the key file {key} is missing: {store} cannot be read without it, restore it from where it was backed up"
    )]
    KeyMissing { store: String, key: PathBuf },
    #[error("{key} is not the key that {store} was written with")]
    KeyWrong { store: String, key: PathBuf },
    #[error("a copy into {store} was not finished: empty it and copy again")]
    HalfCopied { store: String },
    #[error("there is no store in {store}")]
    NotThere { store: String },
    #[error("connecting to {store}")]
    Connect {
        store: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("making or checking the schema of {store}")]
    Schema {
        store: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "{key} is not a key file: each line must hold 64 hexadecimal digits, and behind those of all keys but one `next`, `old` or `retired`"
    )]
    KeyMalformed { key: PathBuf },
    #[error("{doing} {path}")]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("opening {path}")]
    Database {
        path: PathBuf,
        #[source]
        source: Box<redb::Error>,
    },
}
