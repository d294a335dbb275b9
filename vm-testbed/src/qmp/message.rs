//! What QEMU says over QMP.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Message {
    Greeting {
        #[serde(rename = "QMP")]
        _version: Value,
    },
    Event {
        event: String,
        #[serde(default)]
        data: Value,
    },
    Return {
        #[serde(rename = "return")]
        value: Value,
    },
    Error {
        error: Refusal,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) desc: String,
}

/// Why QEMU stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownReason {
    /// The guest reset itself; QEMU is run so that this ends it.
    GuestReset,
    /// The guest powered itself off.
    GuestShutdown,
    Other,
}

impl ShutdownReason {
    pub(super) fn of_event(data: &Value) -> ShutdownReason {
        match data["reason"].as_str() {
            Some("guest-reset") => ShutdownReason::GuestReset,
            Some("guest-shutdown") => ShutdownReason::GuestShutdown,
            _ => ShutdownReason::Other,
        }
    }
}
