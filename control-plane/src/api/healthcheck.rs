//! `/healthcheck`, in front of everything else: whether the API is up, for load balancers and the like, as oslo.middleware
//! answers them. Nobody is asked who they are, so it says nothing but that, and no more than one read is made for it.

use super::call::Api;
use super::envelope;
use crate::config::Healthcheck;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::NodeId;
use ferric_store::{Key, Table};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::json;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use tokio::time::timeout;
use uuid::Uuid;

const PATH: &str = "/healthcheck";
const OK: &str = "OK";

/// What an answer is written as; in this order where a client likes several alike, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Html,
    Json,
}

/// Answers whoever asks for it, and lets everything else pass.
pub(super) async fn answer(State(api): State<Api>, request: Request, next: Next) -> Response {
    let settings = api.conductor.settings().healthcheck.as_ref();
    let Some(settings) = settings.filter(|settings| is_asked(settings, &request)) else {
        return next.run(request).await;
    };
    let (method, form) = (request.method().clone(), Form::of(request.headers()));
    // It may hold a body, which nobody reads.
    drop(request);
    let reasons = reasons(&api, settings).await;
    let status = match reasons.is_empty() {
        false => StatusCode::SERVICE_UNAVAILABLE,
        true if method == Method::HEAD => StatusCode::NO_CONTENT,
        true => StatusCode::OK,
    };
    let form = if method == Method::HEAD {
        Form::Text
    } else {
        form
    };
    let shown = if reasons.is_empty() {
        vec![OK]
    } else {
        reasons
    };
    let content_type = [(header::CONTENT_TYPE, form.content_type())];
    let body = match method {
        Method::HEAD => String::new(),
        _ => form.write(&shown),
    };
    let mut response = (status, content_type, body).into_response();
    envelope::identify(response.headers_mut());
    response
}

/// Whoever is not to be answered is told what everybody is who asks for a path that there is not.
fn is_asked(settings: &Healthcheck, request: &Request) -> bool {
    // Whatever stands below it is not looked at.
    let below = request.uri().path().strip_prefix(PATH);
    if !below.is_some_and(|below| below.is_empty() || below.starts_with('/')) {
        return false;
    }
    let is_proxied = |headers: &HeaderMap| {
        let mut names = headers.keys().map(|name| name.as_str());
        names.any(|name| name == "forwarded" || name.starts_with("x-forwarded-"))
    };
    if settings.ignore_proxied_requests && is_proxied(request.headers()) {
        return false;
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|peer| peer.0.ip().to_canonical());
    let mut ranges = settings.allowed_source_ranges.iter();
    settings.allowed_source_ranges.is_empty()
        || peer.is_some_and(|peer| ranges.any(|range| range.contains(peer)))
}

/// Why the API is not up; none: it is.
async fn reasons(api: &Api, settings: &Healthcheck) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if api.stop.is_cancelled() {
        reasons.push("STOPPING");
    }
    if let Some(file) = &settings.disable_by_file
        && is_there(file).await
    {
        reasons.push("DISABLED BY FILE");
    }
    for file in &settings.enable_by_files {
        if !is_there(file).await {
            tracing::warn!(file = %file.display(), "a file of healthcheck.enable_by_file_paths is missing");
            reasons.push("FILE PATH MISSING");
            break;
        }
    }
    // It holds no such node: what counts is that it says so.
    let key = Key::new(Table::Node, NodeId(Uuid::nil()));
    match timeout(settings.store_timeout, api.conductor.store().get(&key)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let error = &error as &dyn Error;
            tracing::warn!(error, "the store does not answer a health check");
            reasons.push("STORE FAILED");
        }
        Err(_elapsed) => {
            tracing::warn!("the store does not answer a health check in time");
            reasons.push("STORE FAILED");
        }
    }
    reasons
}

/// What cannot be looked at is not there.
async fn is_there(file: &Path) -> bool {
    tokio::fs::try_exists(file).await.unwrap_or(false)
}

impl Form {
    const ALL: [Self; 3] = [Self::Text, Self::Html, Self::Json];

    /// The one that a client likes best; a text where it likes none of them.
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let (mut best, mut liked) = (Self::Text, 0.0);
        for form in Self::ALL {
            let quality = quality(accept.unwrap_or("*/*"), form.media_type());
            if quality > liked {
                (best, liked) = (form, quality);
            }
        }
        best
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=UTF-8",
            Self::Html => "text/html; charset=UTF-8",
            Self::Json => "application/json; charset=UTF-8",
        }
    }

    /// Reasons are words of ours, in which nothing has to be escaped.
    fn write(self, reasons: &[&str]) -> String {
        match self {
            Self::Text => reasons.join("\n"),
            Self::Html => format!(
                "<!DOCTYPE html>\n<html><head><title>Healthcheck Status</title></head>\n<body><ul><li>{}</li></ul></body></html>\n",
                reasons.join("</li><li>")
            ),
            Self::Json => json!({"detailed": false, "reasons": reasons}).to_string(),
        }
    }
}

/// How much the header `Accept` likes a media type, from 0 to 1: by what names it most closely (RFC 9110, 12.5.1).
fn quality(accept: &str, media_type: &str) -> f32 {
    let ranges: Vec<(&str, f32)> = accept.split(',').map(range).collect();
    let family = media_type.split('/').next().unwrap_or_default();
    let any_of_family = format!("{family}/*");
    let names = [media_type, any_of_family.as_str(), "*/*"];
    let mut qualities = names.iter().filter_map(|wanted| {
        let found = ranges
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, quality)| *quality)
    });
    qualities.next().unwrap_or(0.0)
}

/// A media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (
        name,
        quality.and_then(|text| text.parse().ok()).unwrap_or(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_choose_what_they_read() {
        let check = |accept: &str, expected: Form| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Form::of(&headers), expected, "{accept}");
        };
        assert_eq!(Form::of(&HeaderMap::new()), Form::Text);
        check("*/*", Form::Text);
        check("text/*", Form::Text);
        check("text/html", Form::Html);
        check("application/json", Form::Json);
        check("Application/*", Form::Json);
        check("application/json, */*;q=0.5", Form::Json);
        check("text/plain;q=0.5, */*;q=0.1", Form::Text);
        check("text/plain;q=0.1, text/html; q=0.2", Form::Html);
        check("application/json;q=0, */*", Form::Text);
        check("text/html,application/xml;q=0.9,*/*;q=0.8", Form::Html);
        // No answer at all would be taken for a service that is down.
        check("image/png", Form::Text);
        check("nonsense", Form::Text);
    }
}
