//! Why a request is answered before anything looks at it: 400, 401 with its challenge, or 503.
//!
//! The body is that of the middlewares in front of Ironic, not of its resources: an object `error`, in which Keystone's
//! has a title.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: the header cannot be read.
    Malformed(&'static str),
    /// 401: nobody that is known. `challenge` says what to show instead.
    Unknown {
        message: &'static str,
        challenge: String,
    },
    /// 503: whoever knows the callers cannot be asked now.
    Unavailable(&'static str),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unknown { .. } => StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Malformed(message) | Self::Unavailable(message) => message,
            Self::Unknown { message, .. } => message,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut error = json!({"code": status.as_u16(), "message": self.message()});
        if let Self::Unknown { challenge, .. } = &self
            && challenge.starts_with("Keystone")
        {
            error["title"] = json!(status.canonical_reason());
        }
        let body = json!({"error": error});
        let mut response = (status, Json(body)).into_response();
        if let Self::Unknown { challenge, .. } = &self
            && let Ok(challenge) = HeaderValue::from_str(challenge)
        {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
