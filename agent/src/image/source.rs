//! An image on an HTTP server: one stream from its first to its last byte, and pieces of it by range.
//!
//! The stream survives cuts and restarts of the server: it goes on where it was. What cannot get better (404, 403,
//! another file under the same address) ends it at once. What the stream delivers is the file as it was at the
//! first answer: every later answer must show the same validator and length.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use thiserror::Error;

use super::client::{ImageClient, explain};
use super::stop::Stop;
use crate::progress::Progress;

/// How long a silent server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Since the last byte that came.
    pub give_up_after: Duration,
    pub first_pause: Duration,
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_mins(5),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, Error)]
pub enum SourceError {
    #[error("{url} answered {status}")]
    Refused { url: String, status: StatusCode },
    #[error("{url} did not answer within {seconds} s (after {position} bytes): {reason}")]
    GaveUp {
        url: String,
        position: u64,
        seconds: u64,
        reason: String,
    },
    #[error("{url} cannot be used: {reason}")]
    Unusable { url: String, reason: String },
    #[error("the file behind {url} was changed while it was read")]
    Changed { url: String },
    #[error("{url} does not serve byte ranges")]
    NoRanges { url: String },
    #[error("{url} has an empty file")]
    Empty { url: String },
    #[error("the download was cancelled")]
    Stopped,
}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        Self::other(error)
    }
}

/// Why one attempt failed.
enum Attempt {
    Final(SourceError),
    Again(String),
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

/// What tells one version of a file from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Version {
    /// Only a strong ETag promises equal bytes.
    etag: Option<String>,
    last_modified: Option<String>,
    length: Option<u64>,
}

impl Version {
    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let etag = text(ETAG).filter(|etag| !etag.starts_with("W/"));
        Self {
            etag,
            last_modified: text(LAST_MODIFIED),
            length,
        }
    }

    fn validator(&self) -> Option<&str> {
        self.etag.as_deref().or(self.last_modified.as_deref())
    }

    /// A header that one of two answers lacks says nothing; the digest has the last word.
    fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_some_and(|(a, b)| a != b)
        }
        differ(self.length.as_ref(), other.length.as_ref())
            || match (&self.etag, &other.etag) {
                (Some(a), Some(b)) => a != b,
                _ => differ(self.last_modified.as_ref(), other.last_modified.as_ref()),
            }
    }
}

/// The stream.
pub(crate) struct HttpSource {
    remote: Remote,
    version: Version,
    ranges: bool,
    response: Option<Response>,
    position: u64,
    silent_since: Instant,
    attempts: u32,
    last_reason: String,
}

impl HttpSource {
    /// Asks for the file; waits for a server that does not answer.
    pub(crate) fn open(remote: Remote) -> Result<Self, SourceError> {
        let mut source = Self {
            remote,
            version: Version::default(),
            ranges: false,
            response: None,
            position: 0,
            silent_since: Instant::now(),
            attempts: 0,
            last_reason: String::new(),
        };
        source.ensure_response()?;
        Ok(source)
    }

    /// The length of the file, where the server tells it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.version.length
    }

    /// Reads pieces beside the stream; `None` if the server has no ranges.
    pub(crate) fn ranges(&self) -> Option<RangeReader> {
        let reader = RangeReader {
            remote: self.remote.clone(),
            version: self.version.clone(),
        };
        self.ranges.then_some(reader)
    }

    fn ensure_response(&mut self) -> Result<(), SourceError> {
        while self.response.is_none() {
            match self.connect() {
                Ok(response) => self.response = Some(response),
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Again(reason)) => {
                    self.last_reason = reason;
                    self.wait()?;
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<Response, Attempt> {
        let response = self.remote.request(&self.version, self.position, None)?;
        let answer = self.remote.judge(&response, self.position)?;
        if self.position > 0 && self.version.contradicts(&answer.version) {
            return Err(Attempt::Final(SourceError::Changed {
                url: self.remote.shown_url(),
            }));
        }
        if self.position == 0 {
            self.version = answer.version;
            self.ranges = answer.ranges;
        } else if !answer.ranges {
            return self.skip_again(response);
        }
        Ok(response)
    }

    /// A server without ranges starts over, but what was written is not written again: its bytes are read past.
    fn skip_again(&self, mut response: Response) -> Result<Response, Attempt> {
        let mut buffer = vec![0; 256 << 10];
        let mut left = self.position;
        while left > 0 {
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            match response.read(&mut buffer[..most]) {
                Ok(0) => return Err(Attempt::Again("the connection was cut".to_owned())),
                Ok(count) => left -= count as u64,
                Err(error) => return Err(Attempt::Again(reason_of(&error))),
            }
            if self.remote.stop.is_requested() {
                return Err(Attempt::Final(SourceError::Stopped));
            }
        }
        Ok(response)
    }

    /// Pauses before the next attempt, twice as long each time; an error when patience is at its end.
    fn wait(&mut self) -> Result<(), SourceError> {
        self.remote.wait(
            self.silent_since,
            self.attempts,
            self.position,
            &self.last_reason,
        )?;
        self.attempts += 1;
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.version
            .length
            .is_none_or(|length| self.position >= length)
    }
}

impl Read for HttpSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.remote.stop.is_requested() {
                return Err(SourceError::Stopped.into());
            }
            self.ensure_response()?;
            let Some(response) = &mut self.response else {
                continue;
            };
            match response.read(buffer) {
                Ok(0) if self.is_complete() => return Ok(0),
                Ok(0) => "the connection was cut".clone_into(&mut self.last_reason),
                Ok(count) => {
                    self.position += count as u64;
                    self.silent_since = Instant::now();
                    self.attempts = 0;
                    self.remote.progress.received(count as u64);
                    return Ok(count);
                }
                Err(error) => self.last_reason = reason_of(&error),
            }
            tracing::warn!(
                position = self.position,
                reason = self.last_reason,
                "the image stream was cut"
            );
            self.response = None;
            self.wait()?;
        }
    }
}

/// Reads pieces of the same version of the file.
#[derive(Clone)]
pub(crate) struct RangeReader {
    remote: Remote,
    version: Version,
}

impl RangeReader {
    /// Fills the buffer from `offset`; with the same patience as the stream.
    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let silent_since = Instant::now();
        let mut attempts = 0;
        while !buffer.is_empty() {
            match self.attempt(offset, buffer) {
                Ok(()) => break,
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Again(reason)) => {
                    self.remote.wait(silent_since, attempts, offset, &reason)?;
                    attempts += 1;
                }
            }
        }
        Ok(())
    }

    fn attempt(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Attempt> {
        let last = offset + buffer.len() as u64 - 1;
        let mut response = self.remote.request(&self.version, offset, Some(last))?;
        let answer = self.remote.judge(&response, offset)?;
        if self.version.contradicts(&answer.version) {
            return Err(Attempt::Final(SourceError::Changed {
                url: self.remote.shown_url(),
            }));
        }
        if !answer.ranges {
            return Err(Attempt::Final(SourceError::NoRanges {
                url: self.remote.shown_url(),
            }));
        }
        response
            .read_exact(buffer)
            .map_err(|error| Attempt::Again(reason_of(&error)))?;
        self.remote.progress.received(buffer.len() as u64);
        Ok(())
    }
}

/// An answer that can be read from.
struct Answer {
    version: Version,
    ranges: bool,
}

impl Remote {
    /// The URL as it may be shown: user, password and query (signatures) are left out.
    pub(crate) fn shown_url(&self) -> String {
        shown_url(&self.url)
    }

    fn request(
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

    fn judge(&self, response: &Response, first: u64) -> Result<Answer, Attempt> {
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

    fn wait(
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
        } = self.patience;
        let pause = first_pause
            .saturating_mul(1 << attempts.min(10))
            .min(longest_pause);
        if silent_since.elapsed() + pause > give_up_after {
            return Err(SourceError::GaveUp {
                url: self.shown_url(),
                position,
                seconds: give_up_after.as_secs(),
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
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let tls = inner
            .and_then(|inner| inner.downcast_ref())
            .or_else(|| cause.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// A body is read through `io::Error`, which hides what the client knows.
fn reason_of(error: &io::Error) -> String {
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
