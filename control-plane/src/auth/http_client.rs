//! Asking whoever knows the callers over HTTP: no redirects, a bound on time and size.

use crate::proxy::Clients;
use http::{HeaderMap, StatusCode};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;
use std::time::Duration;

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST_BYTES: usize = 1 << 20;

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("asking")]
    Send(#[source] reqwest::Error),
    #[error("the answer is larger than {LARGEST_BYTES} bytes")]
    TooLarge,
    #[error("the answer ({0}) is not what was asked for")]
    Unexpected(StatusCode),
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) fn clients(timeout: Duration) -> reqwest::Result<Clients> {
    let configure =
        |builder: reqwest::ClientBuilder| builder.timeout(timeout).redirect(Policy::none());
    Clients::new(configure, None)
}

pub(super) async fn send(request: RequestBuilder) -> Result<Answer, HttpError> {
    let mut response = request.send().await.map_err(HttpError::Send)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpError::Send)? {
        if body.len() + chunk.len() > LARGEST_BYTES {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body,
    })
}
