//! The bytes of an image to a machine that has no token: as they come from Glance, by range, and never whole in memory.

use super::{Glance, GlanceError, ImageRecord};
use crate::conductor::requests::STORE_AWAY_RETRY_S;
use axum::body::Body;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE, RETRY_AFTER,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::error::Error;
use uuid::Uuid;

/// What of Glance's answer is passed on.
const PASSED: [HeaderName; 2] = [CONTENT_LENGTH, CONTENT_RANGE];

pub(in crate::boot) async fn serve(glance: &Glance, id: Uuid, request: &Parts) -> Response {
    match answer(glance, id, request).await {
        Ok(response) => response,
        Err(error) => refusal(&error),
    }
}

async fn answer(glance: &Glance, id: Uuid, request: &Parts) -> Result<Response, GlanceError> {
    let record = glance.image(id).await?;
    if request.method == Method::HEAD {
        return Ok(described(&record));
    }
    let etag = record.etag();
    let found = glance.download(id, range(request, &etag)).await?;
    let mut response = Response::builder()
        .status(found.status())
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, etag);
    for name in PASSED {
        if let Some(value) = found.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    let body = Body::from_stream(found.bytes_stream());
    Ok(response
        .body(body)
        .unwrap_or_else(|_unusable| StatusCode::BAD_GATEWAY.into_response()))
}

/// The part that is asked for, unless it is one of another image.
fn range<'a>(request: &'a Parts, etag: &str) -> Option<&'a HeaderValue> {
    let same = request
        .headers
        .get(IF_RANGE)
        .is_none_or(|wanted| wanted.as_bytes() == etag.as_bytes());
    request.headers.get(RANGE).filter(|_| same)
}

fn described(record: &ImageRecord) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(etag) = HeaderValue::from_str(&record.etag()) {
        headers.insert(ETAG, etag);
    }
    if let Some(size) = record.size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    response
}

/// A Glance that is away is no reason for a machine to give up.
fn refusal(error: &GlanceError) -> Response {
    tracing::warn!(
        error = error as &dyn Error,
        "an image of Glance for a machine"
    );
    if error.is_passing() {
        let headers = [(RETRY_AFTER, HeaderValue::from(STORE_AWAY_RETRY_S))];
        return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}
