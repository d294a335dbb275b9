//! Error bodies in Redfish's form.

use axum::Json;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal: its status, its message in the Base registry, and what a person reads.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) id: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn bad(id: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            id,
            message: message.into(),
        }
    }

    pub(super) fn new(status: StatusCode, id: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            id,
            message: message.into(),
        }
    }

    pub(super) fn unauthorized() -> Refusal {
        let message = "The request needs a session or the right user name and password.";
        Refusal::new(StatusCode::UNAUTHORIZED, "NoValidSession", message)
    }

    pub(super) fn internal(error: &anyhow::Error) -> Refusal {
        tracing::warn!("a BMC request failed: {error:#}");
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            format!("{error:#}"),
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let id = format!("Base.1.18.{}", self.id);
        let severity = if self.status.is_server_error() {
            "Critical"
        } else {
            "Warning"
        };
        let body = json!({"error": {
            "code": id,
            "message": self.message,
            "@Message.ExtendedInfo": [{
                "@odata.type": "#Message.v1_1_2.Message",
                "MessageId": id,
                "Message": self.message,
                "MessageSeverity": severity,
                "Severity": severity,
                "Resolution": "None.",
            }],
        }});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Basic realm=\"Redfish\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(super) async fn not_found(uri: Uri) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "ResourceMissingAtURI",
        format!("There is no resource at {}.", uri.path()),
    )
}

pub(super) async fn method_not_allowed(uri: Uri) -> Refusal {
    let message = format!(
        "The resource at {} does not support this method.",
        uri.path()
    );
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "OperationNotAllowed",
        message,
    )
}
