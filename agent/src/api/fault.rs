//! Answers of 400 and above. Conductors fail on one that is not JSON with a text under `faultstring`.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ferric_agent_protocol::fault::Fault;

use crate::commands::{Refusal, Unknown};

/// A request that is not fulfilled.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    text: String,
}

impl ApiError {
    /// The texts follow those of Ironic's agent, whose conductors search some of them for words.
    pub(super) fn bad_request(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("400 Bad Request: {what}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "401 Unauthorized: Token invalid.")
    }

    pub(super) fn no_such_command(id: &str) -> Self {
        let text = format!("Not found: Agent Command with id {id} not found.");
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "408 Request Timeout: the body did not come in time",
        )
    }

    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, text) = match refusal {
            Refusal::Busy(name) => (
                StatusCode::CONFLICT,
                format!("Agent is busy: executing command {name}"),
            ),
            Refusal::StaleEpoch { sent, seen } => (
                StatusCode::CONFLICT,
                format!(
                    "Stale epoch: this command is of epoch {sent}, but the node belongs to epoch {seen} now"
                ),
            ),
            Refusal::Unknown(Unknown::Extension(name)) => (
                StatusCode::NOT_FOUND,
                format!("Not found: Extension with id {name} not found."),
            ),
            Refusal::Unknown(Unknown::Command(name)) => (
                StatusCode::BAD_REQUEST,
                format!("Invalid command: Unknown command: {name}"),
            ),
            Refusal::Invalid(why) => (StatusCode::BAD_REQUEST, format!("Invalid command: {why}")),
            Refusal::InvalidParams(what) => (
                StatusCode::BAD_REQUEST,
                format!("Invalid command parameters: {what}"),
            ),
            Refusal::Unknown(Unknown::Form) => (
                StatusCode::BAD_REQUEST,
                "Invalid command: Command name must be of the form <extension>.<name>".to_owned(),
            ),
        };
        Self::new(status, text)
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let status = rejection.status();
        let reason = status.canonical_reason().unwrap_or_default();
        Self::new(status, format!("{} {reason}: {rejection}", status.as_u16()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let fault = Fault::of_status(self.status.as_u16(), self.text);
        (self.status, Json(fault)).into_response()
    }
}

pub(super) async fn not_found() -> ApiError {
    let text = "404 Not Found: The requested URL was not found on the server.";
    ApiError::new(StatusCode::NOT_FOUND, text)
}

pub(super) async fn method_not_allowed() -> ApiError {
    let text = "405 Method Not Allowed: The method is not allowed for the requested URL.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, text)
}
