//! Error bodies in Redfish's form.

use axum::Json;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::message::{self, Message};

/// A refusal: its status, its message in the Base registry, and what else a person may want to know.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: &'static Message,
    args: Vec<String>,
    detail: Option<String>,
}

impl Refusal {
    pub(super) fn bad(message: &'static Message, args: &[&str]) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message, args)
    }

    pub(super) fn new(status: StatusCode, message: &'static Message, args: &[&str]) -> Refusal {
        Refusal {
            status,
            message,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            detail: None,
        }
    }

    /// Adds a sentence to what the registry says.
    pub(super) fn because(self, detail: impl Into<String>) -> Refusal {
        Refusal {
            detail: Some(detail.into()),
            ..self
        }
    }

    pub(super) fn unauthorized() -> Refusal {
        Refusal::new(StatusCode::UNAUTHORIZED, &message::NO_VALID_SESSION, &[])
            .because("The request needs a session or valid credentials.")
    }

    pub(super) fn internal(error: &anyhow::Error) -> Refusal {
        tracing::warn!("a BMC request failed: {error:#}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Refusal::new(status, &message::INTERNAL_ERROR, &[]).because(format!("{error:#}."))
    }

    /// The client's `If-Match` names another version.
    pub(super) fn changed() -> Refusal {
        let status = StatusCode::PRECONDITION_FAILED;
        Refusal::new(status, &message::PRECONDITION_FAILED, &[])
    }

    /// A property that a PATCH names and that cannot be written.
    pub(super) fn property(resource: &Value, name: &str) -> Refusal {
        let known = resource.get(name).is_some();
        let message = if known {
            &message::PROPERTY_NOT_WRITABLE
        } else {
            &message::PROPERTY_UNKNOWN
        };
        Refusal::bad(message, &[name])
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> &'static str {
        self.message.id
    }

    fn text(&self) -> String {
        let text = self.message.with(&self.args);
        let detail = self.detail.iter().map(String::as_str);
        let parts: Vec<&str> = [text.as_str()].into_iter().chain(detail).collect();
        parts.join(" ")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let id = self.message.full_id();
        let severity = if self.status.is_server_error() {
            "Critical"
        } else {
            "Warning"
        };
        let text = self.text();
        let body = json!({"error": {
            "code": id,
            "message": text,
            "@Message.ExtendedInfo": [{
                "@odata.type": "#Message.v1_1_2.Message",
                "MessageId": id,
                "Message": text,
                "MessageArgs": self.args,
                "MessageSeverity": severity,
                "Severity": severity,
                "Resolution": self.message.resolution,
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
    let message = &message::RESOURCE_MISSING_AT_URI;
    Refusal::new(StatusCode::NOT_FOUND, message, &[uri.path()])
}

pub(super) async fn method_not_allowed() -> Refusal {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Refusal::new(status, &message::OPERATION_NOT_ALLOWED, &[])
}

/// What a JSON value looks like as the argument of a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The body of a request as a JSON object. What the client calls it (`Content-Type`) does not matter: several leave that out.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::bad(&message::MALFORMED_JSON, &[])
            .because(format!("It is not a JSON object: {error}."))
    })
}

/// The parameters of an action; without a body there are none.
pub(super) fn parameters(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    object(body)
}

/// What a PATCH wants to change. Annotations are what a client read along with the rest and sends back.
pub(super) fn changes(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut changes = object(body)?;
    changes.retain(|name, _| !name.starts_with("@odata."));
    if changes.is_empty() {
        return Err(Refusal::bad(&message::NO_OPERATION, &[]));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_objects_whatever_they_are_called() {
        for (body, expected) in [
            ("{", "MalformedJSON"),
            ("[]", "MalformedJSON"),
            ("", "MalformedJSON"),
            ("{}", "NoOperation"),
            (r#"{"@odata.etag": "1"}"#, "NoOperation"),
        ] {
            assert_eq!(
                changes(body.as_bytes()).unwrap_err().id(),
                expected,
                "{body}"
            );
        }
        let body = br#"{"@odata.id": "/redfish/v1", "Boot": {}}"#;
        assert_eq!(Value::from(changes(body).unwrap()), json!({"Boot": {}}));
        assert!(parameters(b"").unwrap().is_empty());
    }

    #[test]
    fn a_refusal_says_what_the_registry_says_and_more() {
        let refusal = Refusal::bad(&message::PROPERTY_VALUE_NOT_IN_LIST, &["Floppy", "Target"]);
        let text =
            "The value 'Floppy' for the property Target is not in the list of acceptable values.";
        assert_eq!(refusal.text(), text);
        assert_eq!(refusal.because("Sorry.").text(), format!("{text} Sorry."));
    }
}
