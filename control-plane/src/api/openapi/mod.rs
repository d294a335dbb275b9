//! `/openapi.json`: the whole API as an OpenAPI document, made of one table of operations and the tables of fields.
//!
//! `/docs` shows it to people. It stands in `docs/openapi.json` too, and a test keeps both the same: `ferric openapi > docs/openapi.json`.

mod operations;
mod page;
mod parameters;
mod schemas;

#[cfg(test)]
mod tests;

use super::call::Api;
use crate::api::answers::Shared;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::header;
use operations::Operation;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/openapi.json", get(serve))
        .route("/docs", get(page::serve))
}

async fn serve() -> impl IntoResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, Extension(Shared), TEXT.clone())
}

/// The document as it is served, with indents.
pub(super) fn text() -> String {
    format!("{:#}\n", document())
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations::all() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = shown(operation);
        let names = parameters(operation.path);
        if !names.is_empty() {
            path["parameters"] = Value::Array(names.into_iter().map(parameter).collect());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ferric",
            "version": "1",
            "summary": "Bare-metal provisioning: Ironic's REST API, and /ferric/v1 beside it",
            "description": "Under /v1 this is Ironic's API, version 1.1 to 1.115. Everything is described as in the \
                            newest version; older ones hide, refuse and rename what came later.",
        },
        "paths": paths,
        "components": schemas::components(),
    })
}

fn parameters(path: &str) -> Vec<&str> {
    let parts = path.split('/');
    let names = parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.collect()
}

fn parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

fn shown(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let mut done = json!({"description": operation.summary});
    if let Some(answer) = operation.answer {
        done["content"] = content(answer);
    }
    let unfinished = operation.unfinished.iter();
    for status in [operation.ok].iter().chain(unfinished) {
        responses.insert(status.to_string(), done.clone());
    }
    for (status, why) in operation.refusals() {
        let refusal = json!({"description": why, "content": content("Error")});
        responses.insert(status.to_string(), refusal);
    }
    let mut shown = json!({"summary": operation.summary, "responses": responses});
    shown["tags"] = json!([tag(operation.path)]);
    let mut parameters = Vec::new();
    if operation.path.starts_with("/v1") {
        parameters.push(json!({"$ref": "#/components/parameters/version"}));
    }
    let names = operation.query.iter().flat_map(|set| set.names());
    parameters.extend(names.map(parameters::shown));
    if !parameters.is_empty() {
        shown["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = operation.body {
        shown["requestBody"] = json!({"content": content(body)});
    }
    shown
}

/// The heading that it stands under: the resource, or what it is of.
fn tag(path: &str) -> &str {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match parts.next() {
        Some("v1") => parts.next().unwrap_or("versions"),
        Some("ferric") => "ferric",
        None => "versions",
        Some(_) => "about",
    }
}

fn content(schema: &str) -> Value {
    match schema {
        "page" => json!({"text/html": {"schema": {"type": "string"}}}),
        "metrics" => json!({"application/openmetrics-text": {"schema": {"type": "string"}}}),
        "Events" => json!({
            "application/json": {"schema": schemas::reference(schema)},
            "text/event-stream": {"schema": {"type": "string"}},
        }),
        schema => json!({"application/json": {"schema": schemas::reference(schema)}}),
    }
}
