//! Addresses of the API itself, and the redirect from a path without its last slash.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Api;

impl Api {
    /// The address by which the client has reached this API.
    pub(super) fn root(&self, headers: &HeaderMap) -> String {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let own = self
            .agent
            .session
            .callback_url
            .split_once("://")
            .map(|(_, host)| host);
        let host = host.or(own).unwrap_or_default();
        format!("{}://{host}", self.scheme)
    }
}

/// The two links of a resource: with the version and without.
pub(super) fn resource(root: &str, name: &str) -> Value {
    json!([
        {"href": format!("{root}/v1/{name}"), "rel": "self"},
        {"href": format!("{root}/{name}"), "rel": "bookmark"},
    ])
}

/// Paths with a slash are the real ones. The query goes along, since the token is in it, and the method too.
pub(super) async fn with_slash(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let target = format!("{}{}/{query}", api.root(&headers), uri.path());
    let body =
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n";
    let headers = [
        (header::LOCATION, target),
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
    ];
    (StatusCode::PERMANENT_REDIRECT, headers, body).into_response()
}
