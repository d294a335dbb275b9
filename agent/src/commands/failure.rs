//! How a command fails: the class of error that Ironic knows, and a sentence that names the cause.

use std::error::Error;

use ferric_agent_protocol::command::{CommandError, CommandStatus};
use serde_json::Value;

/// A program may write megabytes before it fails.
const MAX_DETAILS_BYTES: usize = 16 << 10;

/// Classes of errors by the names that Ironic's agent has for them, with its codes and messages. `TypeError` is deliberately
/// not among them: to a conductor it means that the agent is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    CommandExecution,
    Cleaning,
    Deployment,
    Servicing,
    ImageWrite,
    VersionMismatch,
    SystemReboot,
    InvalidParams,
    ImageDownload,
    ImageDownloadTimeout,
    ImageChecksum,
    InvalidImage,
    DeviceNotFound,
    BlockDeviceErase,
    ProtectedDevice,
    SoftwareRaid,
    NoSuchStep,
    ContainerNotPermitted,
}

impl ErrorKind {
    /// Name, status and message on the wire.
    fn wire(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::CommandExecution => ("CommandExecutionError", 500, "Command execution failed"),
            Self::Cleaning => ("CleaningError", 500, "Clean step failed"),
            Self::Deployment => ("DeploymentError", 500, "Deploy step failed"),
            Self::Servicing => ("ServicingError", 500, "Service step failed"),
            Self::ImageWrite => ("ImageWriteError", 500, "Error writing image to device"),
            Self::VersionMismatch => (
                "VersionMismatch",
                409,
                "Hardware managers version mismatch, reload agent with correct version",
            ),
            Self::SystemReboot => ("SystemRebootError", 500, "Error rebooting system"),
            Self::ImageDownload => ("ImageDownloadError", 500, "Error downloading image"),
            Self::ImageDownloadTimeout => {
                ("ImageDownloadTimeoutError", 408, "Error downloading image")
            }
            Self::ImageChecksum => ("ImageChecksumError", 500, "Error verifying image checksum"),
            Self::InvalidImage => (
                "InvalidImage",
                500,
                "The provided image is not valid for use",
            ),
            Self::DeviceNotFound => (
                "DeviceNotFound",
                404,
                "Error finding the disk or partition device to deploy the image onto",
            ),
            Self::BlockDeviceErase => ("BlockDeviceEraseError", 500, "Error erasing block device"),
            Self::ProtectedDevice => (
                "ProtectedDeviceError",
                500,
                "Protected device located, cleaning aborted.",
            ),
            Self::SoftwareRaid => (
                "SoftwareRAIDError",
                500,
                "Software RAID caused unknown error",
            ),
            Self::NoSuchStep => (
                "HardwareManagerMethodNotFound",
                500,
                "No HardwareManager found to handle method",
            ),
            Self::ContainerNotPermitted => (
                "ContainerNotPermittedError",
                500,
                "Container image not permitted",
            ),
            Self::InvalidParams => (
                "InvalidCommandParamsError",
                400,
                "Invalid command parameters",
            ),
        }
    }
}

/// The end of a command that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: ErrorKind,
    pub details: String,
    /// What was done nevertheless, as the command's result would have it: for conductors that have agreed to it.
    pub done: Option<Box<Value>>,
}

impl Failure {
    /// A failure with a text of its own, of which only so much is kept as every list may carry again.
    #[must_use]
    pub fn new(kind: ErrorKind, details: impl Into<String>) -> Self {
        Self {
            kind,
            details: shortened(details.into()),
            done: None,
        }
    }

    /// The same, with what was done nevertheless.
    #[must_use]
    pub fn with_done(self, done: Value) -> Self {
        Self {
            done: Some(Box::new(done)),
            ..self
        }
    }

    /// The same, with what was done in the form of a result.
    #[must_use]
    pub fn with_done_as(self, form: impl FnOnce(Value) -> Value) -> Self {
        Self {
            done: self.done.map(|done| Box::new(form(*done))),
            ..self
        }
    }

    /// A failure caused by an error; the details name all that led to it.
    #[must_use]
    pub fn caused_by(kind: ErrorKind, error: &dyn Error) -> Self {
        Self::new(kind, sentence(error))
    }

    /// The status of a command that failed so.
    #[must_use]
    pub fn status(&self) -> CommandStatus {
        match self.kind {
            ErrorKind::VersionMismatch => CommandStatus::CleanVersionMismatch,
            _ => CommandStatus::Failed,
        }
    }

    /// `command_error` on the wire.
    #[must_use]
    pub fn to_error(&self) -> CommandError {
        let (kind, code, message) = self.kind.wire();
        CommandError {
            kind: kind.to_owned(),
            code,
            message: message.to_owned(),
            details: self.details.clone(),
        }
    }
}

/// An error and its causes in one line. Some errors repeat their cause in their own text; it is not said twice.
#[must_use]
pub fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// The beginning and the end of a text that is too long: what a program says last often says why it failed.
pub(crate) fn shortened(text: String) -> String {
    if text.len() <= MAX_DETAILS_BYTES {
        return text;
    }
    let (head, tail) = (MAX_DETAILS_BYTES / 4, MAX_DETAILS_BYTES / 4 * 3);
    let head = text.floor_char_boundary(head);
    let tail = text.ceil_char_boundary(text.len() - tail);
    format!("{} [...] {}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("opening /dev/sda")]
        Plain(#[source] io::Error),
        #[error("opening: {0}")]
        Repeating(#[source] io::Error),
    }

    #[test]
    fn a_sentence_names_each_cause_once() {
        let cause = || io::Error::other("no medium");
        assert_eq!(
            sentence(&Outer::Plain(cause())),
            "opening /dev/sda: no medium"
        );
        assert_eq!(sentence(&Outer::Repeating(cause())), "opening: no medium");
    }

    #[test]
    fn of_a_long_text_the_beginning_and_the_end_are_kept() {
        let failure = Failure::new(ErrorKind::Cleaning, "short");
        assert_eq!(failure.details, "short");
        // Two bytes each, and one before them: the cuts would be within letters.
        let long = format!("begins {}ends", "ä".repeat(1 << 20));
        let details = Failure::new(ErrorKind::Cleaning, long).details;
        assert!(details.len() < MAX_DETAILS_BYTES + 10);
        assert!(details.starts_with("begins ä") && details.ends_with("äends"));
        assert!(details.contains("ä [...] ä"));
    }

    #[test]
    fn only_a_version_mismatch_has_a_status_of_its_own() {
        let status = |kind| Failure::new(kind, "").status();
        assert_eq!(
            status(ErrorKind::VersionMismatch),
            CommandStatus::CleanVersionMismatch
        );
        assert_eq!(status(ErrorKind::Cleaning), CommandStatus::Failed);
    }
}
