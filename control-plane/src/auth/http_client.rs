//! Asking other services of a cloud over HTTP: no redirects, a bound on time and size.

use crate::proxy::Clients;
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, RequestBuilder};
use std::time::Duration;

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST_BYTES: usize = 1 << 20;

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("asking")]
    Send(#[source] reqwest::Error),
    #[error("the answer is larger than {LARGEST_BYTES} bytes")]
    TooLarge,
    #[error("the answer ({0}) is not what was asked for")]
    Unexpected(StatusCode),
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// For answers that come whole within this time.
pub(crate) fn clients(timeout: Duration) -> reqwest::Result<Clients> {
    Clients::new(|builder| strict(builder).timeout(timeout), None)
}

/// The same, for servers that one of these authorities knows; `None`: one that the system knows.
pub(crate) fn clients_trusting(
    authorities: Option<&[Certificate]>,
    timeout: Duration,
) -> reqwest::Result<Clients> {
    let configure =
        |builder: ClientBuilder| trusting(strict(builder), authorities).timeout(timeout);
    Clients::new(configure, None)
}

/// For answers that may take long, as long as something comes.
pub(crate) fn clients_for_downloads(
    authorities: Option<&[Certificate]>,
    silence: Duration,
) -> reqwest::Result<Clients> {
    let configure = |builder: ClientBuilder| {
        trusting(strict(builder), authorities)
            .connect_timeout(silence)
            .read_timeout(silence)
    };
    Clients::new(configure, None)
}

fn strict(builder: ClientBuilder) -> ClientBuilder {
    builder.redirect(Policy::none())
}

fn trusting(builder: ClientBuilder, authorities: Option<&[Certificate]>) -> ClientBuilder {
    match authorities {
        Some(authorities) => builder.tls_certs_only(authorities.to_vec()),
        None => builder,
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, HttpError> {
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
