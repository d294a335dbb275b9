//! Pieces of a file by range requests, beside its stream.

use std::io::Read;
use std::time::Instant;

use super::error::{Attempt, SourceError};
use super::remote::Remote;
use super::version::Version;

/// Reads pieces of the same version of the file.
#[derive(Clone)]
pub(crate) struct RangeReader {
    pub(super) remote: Remote,
    pub(super) version: Version,
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
            .map_err(|error| Attempt::Again(super::remote::reason_of(&error)))?;
        self.remote.progress.received(buffer.len() as u64);
        Ok(())
    }
}
