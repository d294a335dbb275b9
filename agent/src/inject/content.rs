//! The content of a file: in the list itself as base64, or at an address.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_agent_protocol::image::ImageInfo;
use serde_json::Value;
use thiserror::Error;

use super::template::{TemplateError, filled};
use crate::image::{
    DownloadError, FormatPolicy, HttpSettings, Md5Policy, Patience, Stop, WriteImageRequest,
    download,
};

/// All of it is in memory until it is in its place.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Debug, Error)]
pub enum ContentError {
    #[error("it is neither base64 nor an address with ://")]
    Base64,
    #[error("its address cannot be filled in")]
    Template(#[from] TemplateError),
    #[error("its address must begin with http:// or https://")]
    Scheme,
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
    pub(super) fn get(&self, text: &str, facts: &Value) -> Result<Vec<u8>, ContentError> {
        if !text.contains("://") {
            let text: Vec<u8> = text
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            return STANDARD.decode(text).map_err(|_| ContentError::Base64);
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
            patience: self.patience,
            stop: self.stop.clone(),
        };
        download(&request, &url, MAX_BYTES).map_err(ContentError::Download)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::testing::settings;

    fn get(text: &str) -> Result<Vec<u8>, String> {
        let http = settings();
        let source = Source {
            http: &http,
            patience: Patience::default(),
            stop: Stop::default(),
        };
        let facts = json!({"node": {"uuid": "1"}});
        source.get(text, &facts).map_err(|error| error.to_string())
    }

    #[test]
    fn base64_may_have_lines() {
        assert_eq!(get("aGVs\nbG8="), Ok(b"hello".to_vec()));
        assert_eq!(get(""), Ok(Vec::new()));
        assert!(get("hello!").unwrap_err().contains("neither base64"));
    }

    #[test]
    fn addresses_are_of_http_and_must_be_complete() {
        assert!(get("file:///etc/shadow").unwrap_err().contains("http://"));
        assert!(get("http://a/{node[x]}").unwrap_err().contains("filled in"));
    }
}
