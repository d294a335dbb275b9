//! Gets the content of a config drive: from the command itself, or from an address.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use thiserror::Error;

use super::MIB;
use super::find;
use crate::image::{DownloadError, WriteImageRequest, download};

const MAX_BYTES: u64 = MIB << 20;
/// What a config drive of the largest size is as base64 of a gzip that could not shrink it.
const MAX_DOWNLOAD_BYTES: u64 = MAX_BYTES / 3 * 4 + (1 << 20);
const GZIP: &[u8] = &[0x1f, 0x8b];

#[derive(Debug, Error)]
pub enum ContentError {
    #[error("the config drive is not base64")]
    Base64,
    #[error("unpacking the config drive")]
    Unpack(#[source] std::io::Error),
    #[error("the config drive is larger than {MIB} MiB")]
    TooLarge,
    #[error("the config drive is neither an ISO 9660 nor a FAT file system labelled config-2")]
    NoFileSystem,
    #[error("downloading the config drive: {0}")]
    Download(DownloadError),
}

/// A config drive in memory, known to be a file system that the deployed system will find.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigDrive {
    bytes: Vec<u8>,
}

impl std::fmt::Debug for ConfigDrive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ConfigDrive({} bytes)", self.bytes.len()) // It holds secrets.
    }
}

impl ConfigDrive {
    /// `text` is what the conductor sent: an address, or base64 of a gzipped file system. The proxies for an
    /// address are those of the image; its credentials are not sent there.
    ///
    /// # Errors
    /// When it cannot be had, or is no config drive.
    pub fn load(text: &str, request: &WriteImageRequest<'_>) -> Result<Self, ContentError> {
        let text = text.trim();
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Self::from_base64(text.as_bytes());
        }
        let bytes = download(request, text, MAX_DOWNLOAD_BYTES).map_err(ContentError::Download)?;
        if bytes.starts_with(GZIP) {
            return Self::new(unpack(&bytes)?);
        }
        Self::new(bytes.clone()).or_else(|_| Self::from_base64(&bytes))
    }

    pub(super) fn from_base64(text: &[u8]) -> Result<Self, ContentError> {
        let text: Vec<u8> = text
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let bytes = STANDARD.decode(text).map_err(|_| ContentError::Base64)?;
        Self::new(if bytes.starts_with(GZIP) {
            unpack(&bytes)?
        } else {
            bytes
        })
    }

    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, ContentError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ContentError::TooLarge);
        }
        let label = find::label(&bytes).ok_or(ContentError::NoFileSystem)?;
        if !label.eq_ignore_ascii_case(super::LABEL) {
            return Err(ContentError::NoFileSystem);
        }
        Ok(Self { bytes })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_iso(&self) -> bool {
        find::is_iso(&self.bytes)
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ContentError> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(MAX_BYTES + 1);
    decoder
        .read_to_end(&mut unpacked)
        .map_err(ContentError::Unpack)?;
    if unpacked.len() as u64 > MAX_BYTES {
        Err(ContentError::TooLarge)
    } else {
        Ok(unpacked)
    }
}
