//! A small client of the REST API. An API on this machine is not asked for by way of a proxy.

use crate::proxy::Clients;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

const VERSION_HEADER: &str = "X-OpenStack-Ironic-API-Version";
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the beginning of an endless answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(45);

/// Why the API did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(
        "no answer from {url}: is `ferric serve` running there (--url or FERRIC_URL says where)?"
    )]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("no HTTP client can be made from this environment")]
    Client(#[source] reqwest::Error),
    #[error("{url} did not answer in time: is it stopping or overloaded?")]
    Silent { url: String },
    #[error("{message}")]
    Busy { message: String },
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    #[error("the answer from {url} is not what the API says")]
    Answer {
        url: String,
        #[source]
        source: reqwest::Error,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(base: &str) -> Result<Self, ClientError> {
        let clients = Clients::new(|builder| builder.connect_timeout(CONNECT_TIMEOUT), None)
            .map_err(ClientError::Client)?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            http: clients.for_url(base).clone(),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.base);
        let mut request = self
            .http
            .request(method, &url)
            .header(VERSION_HEADER, "latest")
            .timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|source| ClientError::Unreachable {
            url: self.base.clone(),
            source,
        })?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|source| ClientError::Answer { url, source })?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        Err(refusal(status, &text))
    }

    /// An endless answer: server-sent events.
    pub(super) async fn stream(&self, path: &str) -> Result<reqwest::Response, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self.http.get(&url).header("Accept", "text/event-stream");
        let silent = || ClientError::Silent {
            url: self.base.clone(),
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, request.send())
            .await
            .map_err(|_| silent())?;
        let answer = answer.map_err(|source| ClientError::Unreachable {
            url: self.base.clone(),
            source,
        })?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status => Err(refusal(status, &answer.text().await.unwrap_or_default())),
        }
    }
}

fn refusal(status: StatusCode, body: &str) -> ClientError {
    let message = fault(body).unwrap_or_else(|| format!("{status}: {body}"));
    match status {
        StatusCode::SERVICE_UNAVAILABLE => ClientError::Busy { message },
        StatusCode::CONFLICT if is_passing(&message) => ClientError::Busy { message },
        _ => ClientError::Refused { status, message },
    }
}

/// Whether a conflict ends by itself: somebody holds the node, in Ironic's words, or has changed it under our hands. Any
/// other one, such as a name in use, is there again at the next attempt.
fn is_passing(message: &str) -> bool {
    message.contains("is locked by host") || message.contains("has been changed in between")
}

/// `error_message` holds JSON as text, which holds the sentence.
fn fault(body: &str) -> Option<String> {
    let outer: Value = serde_json::from_str(body).ok()?;
    let message = outer.get("error_message").unwrap_or(&outer);
    let inner = match message {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| message.clone()),
        other => other.clone(),
    };
    let sentence = inner
        .get("faultstring")
        .or_else(|| inner.get("description"))
        .unwrap_or(&inner);
    sentence.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{ClientError, fault, refusal};
    use reqwest::StatusCode;

    fn check(body: &str, expected: Option<&str>) {
        assert_eq!(fault(body).as_deref(), expected);
    }

    #[test]
    fn only_what_passes_by_itself_is_tried_again() {
        let locked = "Node x is locked by host one (cleaning), please retry after the current operation is completed.";
        for (status, message, passes) in [
            (StatusCode::SERVICE_UNAVAILABLE, "no room", true),
            (StatusCode::CONFLICT, locked, true),
            (
                StatusCode::CONFLICT,
                "Node x has been changed in between: read it again",
                true,
            ),
            (
                StatusCode::CONFLICT,
                "A node with name x already exists.",
                false,
            ),
            (StatusCode::BAD_REQUEST, locked, false),
        ] {
            let body = serde_json::json!({"error_message": {"faultstring": message}}).to_string();
            let error = refusal(status, &body);
            let is_busy = matches!(error, ClientError::Busy { .. });
            assert_eq!(is_busy, passes, "{status} {message}");
        }
    }

    #[test]
    fn faults() {
        check(
            r#"{"error_message": "{\"faultstring\": \"Node x could not be found.\"}"}"#,
            Some("Node x could not be found."),
        );
        check(
            r#"{"error_message": "{\"code\": 404, \"description\": \"no\"}"}"#,
            Some("no"),
        );
        check(r#"{"faultstring": "too large"}"#, Some("too large"));
        check(r#"{"error_message": "plain"}"#, Some("plain"));
        check("<html>", None);
    }
}
