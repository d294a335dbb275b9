//! Fetches a small file into memory, with the image's proxies and patience.

use std::io::Read;

use thiserror::Error;

use super::client::{ClientError, ImageClient};
use super::source::{HttpSource, Remote, SourceError};
use super::write::WriteImageRequest;
use crate::progress::Progress;

#[derive(Debug, Error)]
pub enum DownloadError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("reading: {0}")]
    Read(std::io::Error),
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
}

/// The whole file at `url`, at most `limit` bytes. Its host does not get the image's credentials.
pub(crate) fn download(
    request: &WriteImageRequest<'_>,
    url: &str,
    limit: u64,
) -> Result<Vec<u8>, DownloadError> {
    let client = ImageClient::without_credentials(request.http, request.image_info)?;
    // What comes in here is not the image, so it does not count as its progress.
    fetch(request.remote(&client, url, &Progress::default()), limit)
}

pub(crate) fn fetch(remote: Remote, limit: u64) -> Result<Vec<u8>, DownloadError> {
    let mut bytes = Vec::new();
    let read = HttpSource::open(remote)?
        .take(limit + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| {
        error
            .downcast()
            .map_or_else(DownloadError::Read, DownloadError::Source)
    })?;
    if bytes.len() as u64 > limit {
        Err(DownloadError::TooLarge(limit))
    } else {
        Ok(bytes)
    }
}
