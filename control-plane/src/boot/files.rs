//! Files to machines, whole or by range, so that a transfer that was cut goes on where it stopped.

use super::BootError;
use super::image_source::{self, ImageSource};
use crate::config::Settings;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use ferric_model::node::Node;
use std::path::{Path, PathBuf};
use tower_http::services::ServeFile;

/// Range requests and `Last-Modified` are the library's.
pub(super) async fn serve(path: &Path, request: Request) -> Response {
    match ServeFile::new(path).try_call(request).await {
        Ok(response) => response.map(Body::new).into_response(),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "reading a boot file");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The file behind the node's `image_source`.
pub(super) fn image_of(settings: &Settings, node: &Node) -> Result<PathBuf, BootError> {
    let source = node
        .instance_info
        .get("image_source")
        .and_then(|value| value.as_str())
        .unwrap_or_default();
    match image_source::parse(source, &settings.image_paths)? {
        ImageSource::File(path) => Ok(path),
        ImageSource::Url(_) | ImageSource::Glance(_) => Err(BootError::Image {
            image: source.to_owned(),
            problem: "it is on another server".to_owned(),
        }),
    }
}
