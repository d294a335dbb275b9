//! A small client of the REST API. An API on this machine is not asked for by way of a proxy.

use crate::proxy::Clients;
use reqwest::header::RETRY_AFTER;
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url};
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
    Busy {
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    #[error("the answer from {url} is not what the API says")]
    Answer {
        url: String,
        #[source]
        source: reqwest::Error,
    },
}

#[derive(Clone)]
pub(super) struct Client {
    /// Without the user and the password that it may have been given with, as it is shown.
    base: String,
    http: reqwest::Client,
    credentials: Credentials,
    /// Of Ironic's API.
    version: String,
}

/// What the API is shown.
#[derive(Clone)]
enum Credentials {
    Nothing,
    Password { user: String, password: String },
    Token(String),
}

impl Client {
    pub(super) fn new(base: &str) -> Result<Self, ClientError> {
        Self::trusting(base, &[])
    }

    /// One that also trusts these authorities.
    pub(super) fn trusting(base: &str, authorities: &[Certificate]) -> Result<Self, ClientError> {
        let configure = |builder: ClientBuilder| {
            let builder = builder.connect_timeout(CONNECT_TIMEOUT);
            let authorities = authorities.iter().cloned();
            authorities.fold(builder, ClientBuilder::add_root_certificate)
        };
        let clients = Clients::new(configure, None).map_err(ClientError::Client)?;
        let (base, credentials) = without_password(base);
        Ok(Self {
            http: clients.for_url(&base).clone(),
            base: base.trim_end_matches('/').to_owned(),
            credentials,
            version: "latest".to_owned(),
        })
    }

    /// Without the user and the password that it may have been given with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Whether the URL had a user in it.
    pub(super) fn has_password(&self) -> bool {
        matches!(self.credentials, Credentials::Password { .. })
    }

    /// Speaks this version of Ironic's API.
    pub(super) fn with_version(self, version: String) -> Self {
        Self { version, ..self }
    }

    /// Shows a token of Keystone's or of an issuer's.
    pub(super) fn with_token(mut self, token: Option<String>) -> Self {
        if let Some(token) = token {
            self.credentials = Credentials::Token(token);
        }
        self
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            Credentials::Nothing => request,
            Credentials::Password { user, password } => request.basic_auth(user, Some(password)),
            Credentials::Token(token) => request.bearer_auth(token).header("X-Auth-Token", token),
        }
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
            .header(VERSION_HEADER, &self.version)
            .timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.authorised(request).send().await;
        let answer = answer.map_err(|source| ClientError::Unreachable {
            url: self.base.clone(),
            source,
        })?;
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let text = answer
            .text()
            .await
            .map_err(|source| ClientError::Answer { url, source })?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        Err(refusal(status, &text, retry_after))
    }

    /// An endless answer: server-sent events.
    pub(super) async fn stream(&self, path: &str) -> Result<Response, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self.http.get(&url).header("Accept", "text/event-stream");
        let request = self.authorised(request);
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
            status => {
                let retry_after = retry_after(&answer);
                let text = answer.text().await.unwrap_or_default();
                Err(refusal(status, &text, retry_after))
            }
        }
    }
}

/// `http://ann:secret@host` as `http://host`, and who that is.
fn without_password(base: &str) -> (String, Credentials) {
    let Ok(mut url) = Url::parse(base) else {
        return (base.to_owned(), Credentials::Nothing);
    };
    // As a query, in which these three would be something else.
    let decoded = |text: &str| {
        let query = text.replace('+', "%2B").replace('&', "%26");
        let query = query.replace('=', "%3D");
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .next()
            .map_or_else(String::new, |(text, _)| text.into_owned())
    };
    let (user, password) = (
        decoded(url.username()),
        decoded(url.password().unwrap_or_default()),
    );
    if user.is_empty() {
        return (base.to_owned(), Credentials::Nothing);
    }
    // Neither fails for a URL with a host, and without one there is nobody to ask.
    let stripped = url.set_username("").is_ok() && url.set_password(None).is_ok();
    match stripped {
        true => (url.to_string(), Credentials::Password { user, password }),
        false => (base.to_owned(), Credentials::Nothing),
    }
}

fn refusal(status: StatusCode, body: &str, retry_after: Option<Duration>) -> ClientError {
    let message = fault(body).unwrap_or_else(|| format!("{status}: {body}"));
    let is_busy = match status {
        StatusCode::SERVICE_UNAVAILABLE => true,
        StatusCode::CONFLICT => is_passing(&message),
        _ => false,
    };
    match is_busy {
        true => ClientError::Busy {
            message,
            retry_after,
        },
        false => ClientError::Refused { status, message },
    }
}

/// As our API and Ironic tell it: in seconds.
fn retry_after(answer: &Response) -> Option<Duration> {
    let told = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    told.trim().parse().ok().map(Duration::from_secs)
}

/// Whether a conflict ends by itself: somebody holds the node, in Ironic's words, or has changed it under our hands. Any
/// other one, such as a name in use, is there again at the next attempt.
fn is_passing(message: &str) -> bool {
    message.contains("is locked by host") || message.contains("has been changed in between")
}

/// `error_message` holds JSON as text, which holds the sentence.
pub(super) fn fault(body: &str) -> Option<String> {
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
    use super::{ClientError, Credentials, fault, refusal, without_password};
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
            let error = refusal(status, &body, None);
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

    #[test]
    fn a_password_is_taken_out_of_the_url() {
        let (base, credentials) = without_password("http://ann:p%40ss@127.0.0.1:6385");
        assert_eq!(base, "http://127.0.0.1:6385/");
        let right = |user: &str, password: &str| user == "ann" && password == "p@ss";
        assert!(
            matches!(credentials, Credentials::Password { user, password } if right(&user, &password))
        );
        let (base, credentials) = without_password("http://127.0.0.1:6385");
        assert_eq!(base, "http://127.0.0.1:6385");
        assert!(matches!(credentials, Credentials::Nothing));
    }
}
