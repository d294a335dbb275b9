//! What all resources have in common: their own address in the body, links, collections, and a GET with an entity tag.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::extract::State;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Bmc, View};

/// The methods of a resource that can only be read.
const READ: &str = "GET, HEAD";

/// Routes for a resource that can only be read.
pub(super) fn readable<F>(path: &str, body: F) -> Router<Bmc>
where
    F: Fn(&View<'_>) -> Value + Clone + Send + Sync + 'static,
{
    let own = path.to_owned();
    let handler = async move |State(bmc): State<Bmc>, headers: HeaderMap| {
        answer(&headers, with_address(body(&bmc.view()), &own), READ)
    };
    Router::new().route(path, get(handler))
}

/// Routes for a collection of the given members.
pub(super) fn collection(path: &str, kind: &str, members: &[String]) -> Router<Bmc> {
    let body = collection_body(kind, members);
    readable(path, move |_| body.clone())
}

pub(super) fn collection_body(kind: &str, members: &[String]) -> Value {
    json!({
        "@odata.type": format!("#{kind}Collection.{kind}Collection"),
        "Name": format!("{kind} Collection"),
        "Members@odata.count": members.len(),
        "Members": members.iter().map(link).collect::<Vec<_>>(),
    })
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

/// A 200 with a tag, or a 304 if the client has this very version. `allow` are the methods of the resource.
pub(super) fn answer(headers: &HeaderMap, body: Value, allow: &'static str) -> Response {
    let tag = entity_tag(&body);
    if names(headers, &header::IF_NONE_MATCH, &tag) == Some(true) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    answer_tagged(body, &tag, allow)
}

/// A 200 with a tag that somebody else made.
pub(super) fn answer_tagged(mut body: Value, tag: &str, allow: &'static str) -> Response {
    let headers = [
        (header::ETAG, tag.to_owned()),
        (header::ALLOW, allow.to_owned()),
        (header::LINK, schema_link(&body)),
    ];
    body["@odata.etag"] = json!(tag);
    (headers, Json(body)).into_response()
}

/// Where the schema of a body is published.
fn schema_link(body: &Value) -> String {
    let kind = body["@odata.type"].as_str().unwrap_or_default();
    let name = kind.trim_start_matches('#').rsplit_once('.');
    let schema = name.map_or(kind, |(schema, _)| schema);
    format!("<http://redfish.dmtf.org/schemas/v1/{schema}.json>; rel=describedby")
}

pub(super) fn entity_tag(body: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether the client's `If-Match`, if it sent one, names this version.
pub(super) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    names(headers, &header::IF_MATCH, tag).unwrap_or(true)
}

/// Whether a condition that the client set names this version; weak tags count as well.
fn names(headers: &HeaderMap, condition: &HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(condition).iter().peekable();
    values.peek()?;
    let mut tags = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    Some(tags.any(|one| {
        let one = one.trim();
        one == "*" || one.trim_start_matches("W/") == tag
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_lists_of_strong_and_weak_tags() {
        for (condition, expected) in [
            ("\"1\"", true),
            ("W/\"1\"", true),
            ("\"2\", W/\"1\"", true),
            ("*", true),
            ("\"2\"", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, condition.parse().unwrap());
            let named = names(&headers, &header::IF_NONE_MATCH, "\"1\"");
            assert_eq!(named, Some(expected), "{condition}");
        }
        assert_eq!(names(&HeaderMap::new(), &header::IF_MATCH, "\"1\""), None);
    }

    #[test]
    fn schemas_are_found_by_the_type() {
        for (kind, expected) in [
            ("#Bios.v1_2_1.Bios", "Bios.v1_2_1"),
            ("#DriveCollection.DriveCollection", "DriveCollection"),
        ] {
            let link = schema_link(&json!({"@odata.type": kind}));
            let start = format!("<http://redfish.dmtf.org/schemas/v1/{expected}.json>;");
            assert!(link.starts_with(&start), "{link}");
        }
    }
}
