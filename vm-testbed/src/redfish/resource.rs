//! What all resources have in common: their own address in the body, links, collections, and a GET with an entity tag.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Bmc, View};

/// Routes for a resource that can only be read.
pub(super) fn readable<F>(path: &str, body: F) -> Router<Bmc>
where
    F: Fn(&View<'_>) -> Value + Clone + Send + Sync + 'static,
{
    let own = path.to_owned();
    let handler = async move |State(bmc): State<Bmc>, headers: HeaderMap| {
        let body = with_address(body(&bmc.view()), &own);
        let tag = entity_tag(&body);
        answer(&headers, body, &tag)
    };
    Router::new().route(path, get(handler))
}

/// Routes for a collection of the given members.
pub(super) fn collection(path: &str, kind: &str, members: &[String]) -> Router<Bmc> {
    let body = json!({
        "@odata.type": format!("#{kind}Collection.{kind}Collection"),
        "Name": format!("{kind} Collection"),
        "Members@odata.count": members.len(),
        "Members": members.iter().map(link).collect::<Vec<_>>(),
    });
    readable(path, move |_| body.clone())
}

pub(super) fn link(path: impl AsRef<str>) -> Value {
    json!({"@odata.id": path.as_ref()})
}

pub(super) fn healthy() -> Value {
    json!({"State": "Enabled", "Health": "OK"})
}

pub(super) fn with_address(mut body: Value, path: &str) -> Value {
    body["@odata.id"] = json!(path);
    body
}

/// A 200 with the tag, or a 304 if the client has this very version.
pub(super) fn answer(headers: &HeaderMap, body: Value, tag: &str) -> Response {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value == tag);
    let tag = [(header::ETAG, tag.to_owned())];
    if known {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(body)).into_response()
    }
}

pub(super) fn entity_tag(body: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether the client's `If-Match`, if it sent one, names this version.
pub(super) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let Some(wanted) = headers
        .get(header::IF_MATCH)
        .map(|value| value.to_str().unwrap_or_default())
    else {
        return true;
    };
    wanted
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
