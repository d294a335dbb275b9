//! One request for a file, and what its answer means: go on, try again, or give up.

use std::io;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{CONTENT_RANGE, HeaderMap, IF_RANGE, RANGE};

use super::error::{Attempt, SourceError};
use super::version::Version;
use crate::image::client::{ImageClient, explain};
use crate::image::stop::Stop;
use crate::progress::Progress;

/// How long a silent server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Since the last byte that came.
    pub give_up_after: Duration,
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// Attempts after the first one without a byte; as many as there is time for if nobody says so.
    pub retries: Option<u32>,
    /// For the whole file, however fast it comes.
    pub most: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_mins(5),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            retries: None,
            most: None,
        }
    }
}

/// Everything that a request needs.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) client: ImageClient,
    pub(crate) url: String,
    pub(crate) patience: Patience,
    pub(crate) stop: Stop,
    pub(crate) progress: Progress,
}

/// An answer that can be read from.
pub(super) struct Answer {
    pub(super) version: Version,
    pub(super) ranges: bool,
}

impl Remote {
    /// The URL as it may be shown: user, password and query (signatures) are left out.
    pub(crate) fn shown_url(&self) -> String {
        shown_url(&self.url)
    }

    pub(super) fn request(
        &self,
        version: &Version,
        first: u64,
        last: Option<u64>,
    ) -> Result<Response, Attempt> {
        let last = last.map(|last| last.to_string()).unwrap_or_default();
        let mut request = self
            .client
            .get(&self.url)
            .header(RANGE, format!("bytes={first}-{last}"));
        if let Some(validator) = version.validator() {
            request = request.header(IF_RANGE, validator);
        }
        request.send().map_err(|error| {
            if error.is_builder() || error.is_redirect() || is_untrusted(&error) {
                let (url, reason) = (self.shown_url(), explain(&error));
                return Attempt::Final(SourceError::Unusable { url, reason });
            }
            Attempt::Again(explain(&error))
        })
    }

    pub(super) fn judge(&self, response: &Response, first: u64) -> Result<Answer, Attempt> {
        let url = || self.shown_url();
        match response.status() {
            StatusCode::OK => {
                let length = response.content_length();
                Ok(Answer {
                    version: Version::of(response.headers(), length),
                    ranges: false,
                })
            }
            StatusCode::PARTIAL_CONTENT => {
                let (start, length) = content_range(response.headers())
                    .ok_or_else(|| Attempt::Final(SourceError::NoRanges { url: url() }))?;
                if start != first {
                    return Err(Attempt::Final(SourceError::NoRanges { url: url() }));
                }
                Ok(Answer {
                    version: Version::of(response.headers(), length),
                    ranges: true,
                })
            }
            StatusCode::RANGE_NOT_SATISFIABLE if first == 0 => {
                Err(Attempt::Final(SourceError::Empty { url: url() }))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Err(Attempt::Final(SourceError::Changed { url: url() }))
            }
            status if is_passing(status) => Err(Attempt::Again(format!("it answered {status}"))),
            status => Err(Attempt::Final(SourceError::Refused { url: url(), status })),
        }
    }

    pub(super) fn wait(
        &self,
        silent_since: Instant,
        attempts: u32,
        position: u64,
        reason: &str,
    ) -> Result<(), SourceError> {
        let Patience {
            give_up_after,
            first_pause,
            longest_pause,
            retries,
            most: _,
        } = self.patience;
        let pause = first_pause
            .saturating_mul(1 << attempts.min(10))
            .min(longest_pause);
        let silent = silent_since.elapsed();
        let is_over = silent.saturating_add(pause) > give_up_after;
        if is_over || retries.is_some_and(|retries| attempts >= retries) {
            return Err(SourceError::GaveUp {
                url: self.shown_url(),
                position,
                seconds: if is_over { give_up_after } else { silent }.as_secs(),
                reason: reason.to_owned(),
            });
        }
        if self.stop.pause(pause) {
            Ok(())
        } else {
            Err(SourceError::Stopped)
        }
    }
}

pub(crate) fn shown_url(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else {
        return "the image's address".to_owned();
    };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// A certificate that is not trusted now is not trusted later either.
fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if matches!(
            unwrapped(cause).downcast_ref(),
            Some(rustls::Error::InvalidCertificate(_))
        ) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// What is inside of an `io::Error`, however often it was put into another one; `source` passes over it.
fn unwrapped<'a>(
    mut error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        error = inner;
    }
    error
}

/// A body is read through `io::Error`, which hides what the client knows.
pub(super) fn reason_of(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or_else(|| error.to_string(), explain)
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

/// `bytes 5-9/10`: where the answer starts and the length of the whole file, `*` if unknown.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, length) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, length.parse().ok()))
}
