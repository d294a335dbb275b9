//! What goes wrong in a request, and the three bodies that clients know: fault, routing error, and guard.
//!
//! Fault and routing error are doubly encoded: `error_message` is a text that holds JSON. Clients parse it so.

use crate::conductor::requests::{RequestError, STORE_AWAY, STORE_AWAY_RETRY_S};
use axum::response::{IntoResponse, Response};
use ferric_store::StoreError;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::error::Error;

/// A request that is not done.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Said by a resource: `{faultcode, faultstring, debuginfo}` in `error_message`.
    Fault { status: StatusCode, text: String },
    /// Said before a resource was found: `{code, title, description}` in `error_message`.
    Routing {
        status: StatusCode,
        description: String,
    },
    /// Said before the body was parsed: the bare `{faultcode, faultstring}`.
    Guard { status: StatusCode, text: String },
    /// No room now; come back (503).
    Busy { text: String, retry_after_s: u32 },
    /// Our own failure: logged here with its chain, and not shown.
    Internal {
        doing: Cow<'static, str>,
        source: Box<dyn Error + Send + Sync>,
    },
}

pub(super) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn fault(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Fault { status, text }
    }

    /// 400.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::fault(StatusCode::BAD_REQUEST, text)
    }

    /// 403.
    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self::fault(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::fault(StatusCode::NOT_FOUND, text)
    }

    /// 406.
    pub(super) fn not_acceptable(text: impl Into<String>) -> Self {
        Self::fault(StatusCode::NOT_ACCEPTABLE, text)
    }

    /// 409.
    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::fault(StatusCode::CONFLICT, text)
    }

    /// A status of the router's own.
    pub(super) fn routing(status: StatusCode, description: impl Into<String>) -> Self {
        let description = description.into();
        Self::Routing {
            status,
            description,
        }
    }

    /// An old version asks for what came with a newer one, and is answered as if the path did not exist.
    pub(super) fn no_such_path() -> Self {
        Self::routing(StatusCode::NOT_FOUND, "The resource could not be found.")
    }

    /// 405 of a resource that came after the request's version, or that could not be changed in it.
    pub(super) fn not_changed_before(since: u16) -> Self {
        let text = format!("to change this resource API version 1.{since} or newer is needed");
        Self::fault(StatusCode::METHOD_NOT_ALLOWED, text)
    }

    /// 405.
    pub(super) fn method_not_allowed(method: &Method) -> Self {
        let description = format!("The method {method} is not allowed for this resource.");
        Self::routing(StatusCode::METHOD_NOT_ALLOWED, description)
    }

    /// The status and the sentence that the client is told.
    pub(super) fn told(&self) -> (StatusCode, String) {
        match self {
            Self::Fault { status, text } | Self::Guard { status, text } => (*status, text.clone()),
            Self::Routing {
                status,
                description,
            } => (*status, description.clone()),
            Self::Busy { text, .. } => (StatusCode::SERVICE_UNAVAILABLE, text.clone()),
            Self::Internal { doing, .. } => {
                let text = format!("{doing} failed; the server's log says why");
                (StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }

    /// What the client is told; what it is not told is logged.
    pub(super) fn logged(&self) -> (StatusCode, Value) {
        if let Self::Internal { doing, source } = self {
            let error: &dyn Error = source.as_ref();
            tracing::error!(error, "{doing} failed");
        }
        self.response()
    }

    fn response(&self) -> (StatusCode, Value) {
        match self {
            Self::Fault { status, text } => (*status, fault(text)),
            Self::Busy { text, .. } => (StatusCode::SERVICE_UNAVAILABLE, fault(text)),
            Self::Guard { status, text } => {
                (*status, json!({"faultcode": "Client", "faultstring": text}))
            }
            Self::Routing {
                status,
                description,
            } => {
                let title = status.canonical_reason().unwrap_or("Error");
                let inner =
                    json!({"code": status.as_u16(), "title": title, "description": description});
                (*status, wrapped(&inner))
            }
            Self::Internal { .. } => {
                let (_, text) = self.told();
                let inner = json!({"faultcode": "Server", "faultstring": text, "debuginfo": null});
                (StatusCode::INTERNAL_SERVER_ERROR, wrapped(&inner))
            }
        }
    }
}

fn fault(text: &str) -> Value {
    wrapped(&json!({"faultcode": "Client", "faultstring": text, "debuginfo": null}))
}

fn wrapped(inner: &Value) -> Value {
    json!({"error_message": inner.to_string()})
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body) = self.logged();
        let mut response = (status, axum::Json(body)).into_response();
        if let Self::Busy { retry_after_s, .. } = self {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotFound(text) => Self::not_found(text),
            RequestError::Invalid(text) => Self::invalid(text),
            RequestError::Forbidden(text) => Self::forbidden(text),
            RequestError::Conflict(text) => Self::conflict(text),
            RequestError::Busy {
                reason,
                retry_after_s,
            } => Self::Busy {
                text: reason,
                retry_after_s,
            },
            RequestError::Unanswered(text) => Self::fault(StatusCode::GATEWAY_TIMEOUT, text),
            RequestError::Internal { doing, source } => Self::Internal { doing, source },
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchField(..) => Self::invalid(error.to_string()),
            StoreError::NoSuchMarker(marker) => {
                Self::not_found(format!("{marker}, the marker, could not be found"))
            }
            StoreError::Stale { .. } => Self::conflict(error.to_string()),
            StoreError::NotUnique { .. } => Self::conflict(error.to_string()),
            StoreError::Away { .. } => Self::Busy {
                text: STORE_AWAY.to_owned(),
                retry_after_s: STORE_AWAY_RETRY_S,
            },
            StoreError::NoRoom { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Open(_)
            | StoreError::Backend { .. } => Self::Internal {
                doing: "reading the store".into(),
                source: Box::new(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &ApiError, status: u16, body: &str) {
        let (found, value) = error.response();
        assert_eq!((found.as_u16(), value.to_string().as_str()), (status, body));
    }

    #[test]
    fn bodies_are_those_that_clients_parse() {
        check(
            &ApiError::not_found("node a could not be found"),
            404,
            r#"{"error_message":"{\"faultcode\":\"Client\",\"faultstring\":\"node a could not be found\",\"debuginfo\":null}"}"#,
        );
        check(
            &ApiError::no_such_path(),
            404,
            r#"{"error_message":"{\"code\":404,\"title\":\"Not Found\",\"description\":\"The resource could not be found.\"}"}"#,
        );
        check(
            &ApiError::Guard {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                text: "the body is too large".to_owned(),
            },
            413,
            r#"{"faultcode":"Client","faultstring":"the body is too large"}"#,
        );
    }

    #[test]
    fn our_own_failures_are_not_shown() {
        let source = "the disk with the secret name is full".into();
        let doing = "reading the store".into();
        let (status, body) = ApiError::Internal { doing, source }.response();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.to_string().contains("secret name"));
        assert!(body.to_string().contains("Server"));
    }

    #[test]
    fn a_busy_conductor_says_when_to_come_back() {
        let error = ApiError::from(RequestError::Busy {
            reason: "too many deploys".to_owned(),
            retry_after_s: 7,
        });
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "7");
    }

    #[test]
    fn what_may_have_been_done_is_nothing_that_clients_repeat_by_themselves() {
        let error = ApiError::from(RequestError::Unanswered("it may have been done".to_owned()));
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(!response.headers().contains_key("retry-after"));
    }
}
