//! The content of a file: in the list itself as base64, or at an address.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_agent_protocol::image::ImageInfo;
use serde_json::Value;
use thiserror::Error;

use super::template::{TemplateError, filled};
use crate::disk::SharedFileSystems;
use crate::image::{
    DownloadError, FormatPolicy, HttpSettings, Md5Policy, Patience, Stop, WriteImageRequest,
    download,
};

/// Of all files together: all of it is in memory until it is in its place.
pub(super) const MAX_BYTES: u64 = 64 << 20;

#[derive(Debug, Error)]
pub enum ContentError {
    #[error("it is neither base64 nor an address with ://")]
    Base64,
    #[error("its address cannot be filled in")]
    Template(#[from] TemplateError),
    #[error("its address must begin with http:// or https://")]
    Scheme,
    #[error("all contents together have more than {} MiB", MAX_BYTES >> 20)]
    TooMuch,
    #[error("downloading it: {0}")]
    Download(DownloadError),
}

/// How addresses are read.
pub struct Source<'a> {
    pub http: &'a HttpSettings,
    pub patience: Patience,
    pub stop: Stop,
}

impl Source<'_> {
    /// `left` is how many bytes it may have.
    pub(super) fn get(
        &self,
        text: &str,
        facts: &Value,
        left: u64,
    ) -> Result<Vec<u8>, ContentError> {
        if !text.contains("://") {
            let text: Vec<u8> = text
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            let content = STANDARD.decode(text).map_err(|_| ContentError::Base64)?;
            if content.len() as u64 > left {
                return Err(ContentError::TooMuch);
            }
            return Ok(content);
        }
        let url = filled(text, facts)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(ContentError::Scheme);
        }
        // No image is written; what a download needs stands in the same request.
        let request = WriteImageRequest {
            image_info: &ImageInfo::default(),
            device: Path::new(""),
            config_drive: None,
            http: self.http,
            md5: Md5Policy::default(),
            formats: FormatPolicy::default(),
            shared: SharedFileSystems::Protect,
            patience: self.patience,
            stop: self.stop.clone(),
        };
        download(&request, &url, left).map_err(|error| match error {
            DownloadError::TooLarge(_) => ContentError::TooMuch,
            other => ContentError::Download(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::testing::settings;

    fn get(text: &str) -> Result<Vec<u8>, String> {
        get_within(text, MAX_BYTES)
    }

    fn get_within(text: &str, left: u64) -> Result<Vec<u8>, String> {
        let http = settings();
        let source = Source {
            http: &http,
            patience: Patience::default(),
            stop: Stop::default(),
        };
        let facts = json!({"node": {"uuid": "1"}});
        let content = source.get(text, &facts, left);
        content.map_err(|error| error.to_string())
    }

    #[test]
    fn base64_may_have_lines() {
        assert_eq!(get("aGVs\nbG8="), Ok(b"hello".to_vec()));
        assert_eq!(get(""), Ok(Vec::new()));
        assert!(get("hello!").unwrap_err().contains("neither base64"));
    }

    #[test]
    fn what_is_left_is_not_exceeded() {
        assert_eq!(get_within("aGVsbG8=", 5), Ok(b"hello".to_vec()));
        let error = get_within("aGVsbG8=", 4).unwrap_err();
        assert_eq!(error, "all contents together have more than 64 MiB");
    }

    #[test]
    fn addresses_are_of_http_and_must_be_complete() {
        assert!(get("file:///etc/shadow").unwrap_err().contains("http://"));
        assert!(get("http://a/{node[x]}").unwrap_err().contains("filled in"));
    }
}
