//! One request and its answer: bounds, and what each way of failing is called. Nothing is repeated here.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::resource::texts;
use crate::BmcError;

/// The longest part of a BMC's own words that an error repeats.
const MESSAGE_LIMIT: usize = 300;

/// What is asked of a BMC.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    pub(crate) if_match: Option<&'a str>,
    /// Whether it changes the machine.
    pub(crate) needs_permit: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            if_match: None,
            needs_permit: false,
        }
    }

    pub(crate) fn post(path: &'a str, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            path,
            body: Some(body),
            if_match: None,
            needs_permit: true,
        }
    }

    /// For a session: it changes nothing but who is known to the BMC, and questions need it too.
    pub(crate) fn login(path: &'a str, body: &'a Value) -> Self {
        Self {
            needs_permit: false,
            ..Self::post(path, body)
        }
    }

    pub(crate) fn delete(path: &'a str) -> Self {
        Self {
            method: Method::DELETE,
            path,
            body: None,
            if_match: None,
            needs_permit: true,
        }
    }

    pub(crate) fn patch(path: &'a str, body: &'a Value, if_match: Option<&'a str>) -> Self {
        Self {
            method: Method::PATCH,
            path,
            body: Some(body),
            if_match,
            needs_permit: true,
        }
    }

    /// How errors name the request.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether doing it twice may do harm when nobody knows whether it was done once.
    fn is_action(&self) -> bool {
        self.method == Method::POST
    }

    /// Whether the request may be sent again after this failure.
    pub(crate) fn may_repeat_after(&self, error: &BmcError) -> bool {
        let was_not_done = matches!(
            error,
            BmcError::Connect { .. }
                | BmcError::Refused {
                    status: 429 | 503,
                    ..
                }
        );
        error.is_transient() && (was_not_done || !self.is_action())
    }
}

/// What a BMC answered, good or bad.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    /// Reads a response up to `limit` bytes.
    pub(crate) async fn read(mut response: Response, limit: usize) -> Result<Self, ReadError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ReadError::Broken)? {
            if bytes.len() + chunk.len() > limit {
                return Err(ReadError::TooLong);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.header(&ETAG).map(str::to_owned)
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header(&LOCATION)
    }

    /// Whether a 401 asks for basic authentication.
    pub(crate) fn wants_basic(&self) -> bool {
        let mut challenges = self
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        challenges.any(|challenge| challenge.to_ascii_lowercase().starts_with("basic"))
    }

    /// Whether a refusal comes from the Redfish service and not from a web server in front of it.
    pub(crate) fn is_redfish_error(&self) -> bool {
        let error = self.json().and_then(|body| body.get("error").cloned());
        error.is_some_and(|error| error.get("code").or(error.get("message")).is_some())
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// The error that a status other than 2xx means.
    pub(crate) fn check(self, address: &str, request: &Request<'_>) -> Result<Self, BmcError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (address, request) = (address.to_owned(), request.name());
        match self.status {
            StatusCode::UNAUTHORIZED => Err(BmcError::Credentials { address }),
            StatusCode::FORBIDDEN => Err(BmcError::Forbidden {
                address,
                request,
                message: self.message(),
            }),
            status => Err(BmcError::Refused {
                address,
                request,
                status: status.as_u16(),
                message: self.message(),
                retry_after: self
                    .header(&RETRY_AFTER)
                    .and_then(|value| value.parse().ok())
                    .map(Duration::from_secs),
            }),
        }
    }

    /// What the BMC says about its refusal: the messages of Redfish's error, else the text that came.
    fn message(&self) -> String {
        if self.status.is_redirection() {
            return format!(
                "it redirects to {}: use that in redfish_address of driver_info",
                self.location().unwrap_or("nowhere")
            );
        }
        let body = self.json().unwrap_or_default();
        let extended = body
            .pointer("/error/@Message.ExtendedInfo")
            .and_then(Value::as_array);
        let messages: Vec<_> = extended
            .into_iter()
            .flatten()
            .filter_map(|info| info.get("Message")?.as_str())
            .collect();
        let general = body.pointer("/error/message").and_then(Value::as_str);
        let said = if messages.is_empty() {
            general.unwrap_or(&self.text).to_owned()
        } else {
            messages.join(" ")
        };
        let said: String = said
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(MESSAGE_LIMIT)
            .collect();
        if said.is_empty() {
            "no reason given".to_owned()
        } else {
            said
        }
    }
}

/// Why an answer could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Broken(reqwest::Error),
    TooLong,
}

/// Names the failure of a request that got no answer.
pub(crate) fn no_answer(
    address: &str,
    request: &Request<'_>,
    error: reqwest::Error,
    limit: Duration,
) -> BmcError {
    // Its own text would repeat the URL.
    let error = error.without_url();
    let (address, request) = (address.to_owned(), request.name());
    if is_certificate_problem(&error) {
        BmcError::Certificate {
            address,
            source: Box::new(error),
        }
    } else if error.is_connect() {
        BmcError::Connect {
            address,
            source: Box::new(error),
        }
    } else if error.is_timeout() {
        BmcError::NoAnswer {
            address,
            request,
            limit,
        }
    } else {
        BmcError::Exchange {
            address,
            request,
            source: Box::new(error),
        }
    }
}

/// Looks through the whole chain; an I/O error shows what it wraps only by `get_ref`.
fn is_certificate_problem(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(|error| error.get_ref());
    matches!(
        error.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_))
    ) || wrapped.is_some_and(|error| is_certificate_problem(error))
        || error.source().is_some_and(is_certificate_problem)
}

/// The allowable values that Redfish writes beside a property or a parameter.
pub(crate) fn allowable_values(info: &Value, name: &str) -> Option<Vec<String>> {
    let parameters = info.get("Parameters")?.as_array()?;
    let parameter = parameters
        .iter()
        .find(|parameter| parameter.get("Name").and_then(Value::as_str) == Some(name))?;
    texts(parameter.get("AllowableValues")?)
}
