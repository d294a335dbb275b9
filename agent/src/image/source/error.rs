//! What ends a download.

use std::io;

use reqwest::StatusCode;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum SourceError {
    #[error("{url} answered {status}")]
    Refused { url: String, status: StatusCode },
    #[error("{url} did not answer within {seconds} s (after {position} bytes): {reason}")]
    GaveUp {
        url: String,
        position: u64,
        seconds: u64,
        reason: String,
    },
    #[error("{url} did not send the whole file within {seconds} s ({position} bytes came)")]
    TooSlow {
        url: String,
        position: u64,
        seconds: u64,
    },
    #[error("{url} cannot be used: {reason}")]
    Unusable { url: String, reason: String },
    #[error("the file behind {url} was changed while it was read")]
    Changed { url: String },
    #[error("{url} does not serve byte ranges")]
    NoRanges { url: String },
    #[error("{url} has an empty file")]
    Empty { url: String },
    #[error("the download was cancelled")]
    Stopped,
}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        Self::other(error)
    }
}

/// Why one attempt failed.
pub(super) enum Attempt {
    Final(SourceError),
    Again(String),
}
