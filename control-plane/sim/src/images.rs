//! The web server that has the image.

use async_trait::async_trait;
use ferric::boot::{ImageHead, ImageServers};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;

pub(crate) const IMAGE: &str = "http://192.0.2.1/os.raw";

pub(crate) struct OneImage;

#[async_trait]
impl ImageServers for OneImage {
    async fn head(
        &self,
        _url: &str,
        _authorization: Option<&HeaderValue>,
    ) -> reqwest::Result<ImageHead> {
        Ok(ImageHead {
            status: StatusCode::OK,
            size_bytes: Some(1 << 30),
        })
    }
}
