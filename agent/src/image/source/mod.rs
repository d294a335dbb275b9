//! An image on an HTTP server: one stream from its first to its last byte, and pieces of it by range.
//!
//! The stream survives cuts and restarts of the server: it goes on where it was. What cannot get better (404, 403,
//! another file under the same address) ends it at once. What the stream delivers is the file as it was at the
//! first answer: every later answer must show the same validator and length.

mod error;
mod range;
mod remote;
mod version;

use std::io::{self, Read};
use std::time::Instant;

use reqwest::blocking::Response;

use error::Attempt;
use remote::reason_of;
use version::Version;

pub use error::SourceError;
pub(crate) use range::RangeReader;
pub use remote::Patience;
pub(crate) use remote::{Remote, shown_url};

/// The stream.
pub(crate) struct HttpSource {
    remote: Remote,
    version: Version,
    ranges: bool,
    response: Option<Response>,
    position: u64,
    silent_since: Instant,
    /// How far a server that started over was read past; getting further is no silence.
    skipped: u64,
    attempts: u32,
    last_reason: String,
    begun: Instant,
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
            skipped: 0,
            attempts: 0,
            last_reason: String::new(),
            begun: Instant::now(),
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
    fn skip_again(&mut self, mut response: Response) -> Result<Response, Attempt> {
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
            if self.position - left > self.skipped {
                self.skipped = self.position - left;
                self.silent_since = Instant::now();
            }
            if self.remote.stop.is_requested() {
                return Err(Attempt::Final(SourceError::Stopped));
            }
        }
        Ok(response)
    }

    /// Pauses before the next attempt, twice as long each time; an error when patience is at its end.
    fn wait(&mut self) -> Result<(), SourceError> {
        self.check_duration()?;
        self.remote.wait(
            self.silent_since,
            self.attempts,
            self.position,
            &self.last_reason,
        )?;
        self.attempts += 1;
        Ok(())
    }

    fn check_duration(&self) -> Result<(), SourceError> {
        match self.remote.patience.most {
            Some(most) if self.begun.elapsed() > most => Err(SourceError::TooSlow {
                url: self.remote.shown_url(),
                position: self.position,
                seconds: most.as_secs(),
            }),
            _ => Ok(()),
        }
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
            self.check_duration()?;
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
                    self.skipped = 0;
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
