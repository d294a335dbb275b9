//! Why the embedded store cannot be opened, and how failures of redb become errors of the store.

use super::envelope::EnvelopeError;
use super::seal::SealError;
use crate::StoreError;
use std::io;
use std::path::PathBuf;

/// Why a database file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is in use by another process: only one ferric can serve a state directory")]
    InUse { path: PathBuf },
    #[error("{path} was written by a newer release (schema {found}, this one knows {known})")]
    Newer {
        path: PathBuf,
        found: u64,
        known: u64,
    },
    #[error("{path} is a redb database, but not one of ferric")]
    Foreign { path: PathBuf },
    #[error(
        "the key file {key} is missing: {path} cannot be read without it, restore it from where it was backed up"
    )]
    KeyMissing { path: PathBuf, key: PathBuf },
    #[error("{key} is not the key that {path} was written with")]
    KeyWrong { path: PathBuf, key: PathBuf },
    #[error("{key} is not a key file: it must hold 64 hexadecimal digits and nothing else")]
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

/// Turns a failure of redb into one of the store.
pub(super) fn failed<E: Into<redb::Error>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Backend {
        doing,
        source: Box::new(error.into()),
    }
}

/// Turns bytes that are no record into an error of the store.
pub(super) fn unreadable(source: EnvelopeError) -> StoreError {
    StoreError::Backend {
        doing: "reading a record",
        source: Box::new(source),
    }
}

pub(super) fn unsealed(source: SealError) -> StoreError {
    StoreError::Backend {
        doing: "encrypting or decrypting a document",
        source: Box::new(source),
    }
}
