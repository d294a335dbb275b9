//! A refusal on its way from the owner to the conductor that was asked, whose client sees it as the owner meant it.

use crate::conductor::requests::RequestError;
use serde::{Deserialize, Serialize};

/// [`RequestError`] without what only the owner's log is to show.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    NotFound(String),
    Invalid(String),
    Forbidden(String),
    Conflict(String),
    Busy { reason: String, retry_after_s: u32 },
    Unanswered(String),
    Internal { doing: String },
}

impl From<&RequestError> for Refusal {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::NotFound(text) => Self::NotFound(text.clone()),
            RequestError::Invalid(text) => Self::Invalid(text.clone()),
            RequestError::Forbidden(text) => Self::Forbidden(text.clone()),
            RequestError::Conflict(text) => Self::Conflict(text.clone()),
            RequestError::Busy {
                reason,
                retry_after_s,
            } => Self::Busy {
                reason: reason.clone(),
                retry_after_s: *retry_after_s,
            },
            RequestError::Unanswered(text) => Self::Unanswered(text.clone()),
            RequestError::Internal { doing, .. } => Self::Internal {
                doing: doing.clone().into_owned(),
            },
        }
    }
}

impl Refusal {
    /// What the client is told; `host` is the owner, whose log has the cause of a failure of its own.
    pub(super) fn into_error(self, host: &str) -> RequestError {
        match self {
            Self::NotFound(text) => RequestError::NotFound(text),
            Self::Invalid(text) => RequestError::Invalid(text),
            Self::Forbidden(text) => RequestError::Forbidden(text),
            Self::Conflict(text) => RequestError::Conflict(text),
            Self::Busy {
                reason,
                retry_after_s,
            } => RequestError::Busy {
                reason,
                retry_after_s,
            },
            Self::Unanswered(text) => RequestError::Unanswered(text),
            Self::Internal { doing } => {
                RequestError::internal(doing, format!("conductor {host} failed: its log says why"))
            }
        }
    }
}
