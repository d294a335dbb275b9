//! `/openapi.json`: the whole API as an OpenAPI document, made of one table of operations and the tables of fields.
//!
//! It stands in `docs/openapi.json` too, and a test keeps both the same: `ferric openapi > docs/openapi.json`.

mod operations;
mod schemas;

#[cfg(test)]
mod tests;

use super::call::Api;
use axum::routing::get;
use axum::{Json, Router};
use operations::Operation;
use serde_json::{Map, Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/openapi.json", get(|| async { Json(document()) }))
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
    responses.insert(operation.ok.to_string(), done);
    for (status, why) in operation.refusals() {
        let refusal = json!({"description": why, "content": content("Error")});
        responses.insert(status.to_string(), refusal);
    }
    let mut shown = json!({"summary": operation.summary, "responses": responses});
    let is_ironic = operation.path.starts_with("/v1");
    if is_ironic {
        shown["parameters"] = json!([{"$ref": "#/components/parameters/version"}]);
    }
    if let Some(body) = operation.body {
        shown["requestBody"] = json!({"content": content(body)});
    }
    shown
}

fn content(schema: &str) -> Value {
    match schema {
        "metrics" => json!({"application/openmetrics-text": {"schema": {"type": "string"}}}),
        "Events" => json!({
            "application/json": {"schema": schemas::reference(schema)},
            "text/event-stream": {"schema": {"type": "string"}},
        }),
        schema => json!({"application/json": {"schema": schemas::reference(schema)}}),
    }
}
