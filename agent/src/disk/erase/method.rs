//! How one disk is erased: by a command of its own where it has one and the conductor does not forbid it, else by
//! writing all of it.
//!
//! A drive's own command that fails is a failure, unless the conductor has said that overwriting will do then.

use std::io;
use std::time::Duration;

use ferric_agent_protocol::erase::{EraseMethod, EraseSample};
use thiserror::Error;

use super::device::{CommandError, Device};
use super::knobs::{AfterFailure, Knobs};
use super::samples::Samples;
use super::subject::{Bus, Subject};
use super::{ata, chain, nvme, overwrite};
use crate::image::Stop;
use crate::progress::Progress;

/// One disk and how it is to be erased.
pub(super) struct Job<'a> {
    pub(super) device: &'a dyn Device,
    pub(super) subject: &'a Subject,
    pub(super) knobs: &'a Knobs,
    pub(super) samples: Samples,
    pub(super) progress: Progress,
    pub(super) stop: &'a Stop,
    /// How often a drive that sanitises itself is asked how far it is.
    pub(super) poll: Duration,
}

/// A disk that was erased and read back.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) method: EraseMethod,
    pub(super) failed_before: Vec<String>,
    pub(super) samples: Vec<EraseSample>,
}

/// Why a disk was not erased.
#[derive(Debug, Error)]
pub enum MethodError {
    #[error("{action}")]
    Command {
        action: &'static str,
        #[source]
        source: CommandError,
    },
    #[error("{action} at byte {offset}")]
    Io {
        action: &'static str,
        offset: u64,
        #[source]
        source: io::Error,
    },
    #[error("the disk ignored its erase: at byte {offset} it should have {expected}, and has not")]
    Ignored { offset: u64, expected: &'static str },
    #[error("it cannot erase itself: it has no command that erases all data of this disk")]
    NoCommand,
    #[error(
        "it erases all namespaces of the drive or none, and {kept} on it must be kept, \
         or cannot be erased"
    )]
    Shared { kept: String },
    #[error("what it answers to {0} is too short or makes no sense")]
    Senseless(&'static str),
    #[error("sanitising ended with status {0:#x}")]
    Sanitize(u16),
    #[error("sanitising did not end within {0} hours")]
    TooLong(u64),
    #[error(
        "its security is frozen, mostly by the firmware at start; suspend it once, or plug it in later"
    )]
    Frozen,
    #[error("it has a password that is neither this agent's nor Ironic's")]
    Locked,
    #[error("it takes no more passwords until its power was off")]
    NoMoreAttempts,
    #[error("its security is still enabled after the erase")]
    StillEnabled,
    #[error("its security could not be enabled")]
    NotEnabled,
    #[error(
        "agent_erase_devices_iterations is 0 and agent_erase_devices_zeroize false, \
         so that nothing would be written"
    )]
    NothingToWrite,
    #[error("{0}")]
    Several(String),
    #[error(
        "its own erase failed, and agent_continue_if_secure_erase_failed is not set, \
         so that it was not overwritten instead"
    )]
    NotOverwritten(#[source] Box<MethodError>),
    #[error("the erasure was cancelled")]
    Stopped,
    #[error("the agent has a fault")]
    Panicked,
}

impl MethodError {
    /// Names what a drive was asked for.
    pub(super) fn command(action: &'static str) -> impl FnOnce(CommandError) -> Self {
        move |source| Self::Command { action, source }
    }
}

impl Job<'_> {
    /// Erases the disk and reads it back.
    pub(super) fn run(&self) -> Result<Done, MethodError> {
        let erased = match &self.subject.bus {
            Bus::Nvme(namespace) if self.knobs.nvme => {
                nvme::erase(self, namespace, nvme::Ways::All).map(Some)
            }
            Bus::Ata if self.knobs.ata => ata::erase(self),
            Bus::Nvme(_) | Bus::Ata | Bus::Other => Ok(None),
        };
        let mut failed_before = match erased {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => Vec::new(),
            Err(MethodError::Stopped) => return Err(MethodError::Stopped),
            Err(error) if self.knobs.after_failure == AfterFailure::Fail => {
                return Err(MethodError::NotOverwritten(Box::new(error)));
            }
            Err(error) => vec![self.note(&error)],
        };
        self.progress.restart();
        match overwrite::erase(self) {
            Ok(done) => Ok(Done {
                failed_before,
                ..done
            }),
            Err(error) if failed_before.is_empty() || matches!(error, MethodError::Stopped) => {
                Err(error)
            }
            // What kept the drive from erasing itself is mostly why it cannot be written either.
            Err(error) => {
                failed_before.push(chain(&error));
                Err(MethodError::Several(failed_before.join("; ")))
            }
        }
    }

    /// A failure that something else follows.
    pub(super) fn note(&self, error: &MethodError) -> String {
        let text = chain(error);
        tracing::warn!(
            device = self.subject.disk.name,
            error = text,
            "a disk did not erase itself"
        );
        text
    }

    /// The wish to end, between two things that take long.
    pub(super) fn check_stop(&self) -> Result<(), MethodError> {
        if self.stop.is_requested() {
            return Err(MethodError::Stopped);
        }
        Ok(())
    }
}
