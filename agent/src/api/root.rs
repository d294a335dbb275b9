//! The documents that need no token: what this API is, and since when it runs.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Api, links};

const DOCUMENTATION: &str = "https://docs.openstack.org/ironic-python-agent/";
const MEDIA_TYPE: &str = "application/vnd.openstack.ironic-python-agent.v1+json";

fn version(root: &str) -> Value {
    json!({
        "id": "v1",
        "links": [
            {"href": format!("{root}/v1"), "rel": "self"},
            {"href": DOCUMENTATION, "rel": "describedby", "type": "text/html"},
        ],
    })
}

pub(super) async fn versions(State(api): State<Api>, headers: HeaderMap) -> Json<Value> {
    let root = api.root(&headers);
    Json(json!({
        "name": "Ferric agent API",
        "description": "The agent that provisions this machine; it speaks the API of Ironic's agent",
        "versions": [version(&root)],
        "default_version": version(&root),
    }))
}

pub(super) async fn version_1(State(api): State<Api>, headers: HeaderMap) -> Json<Value> {
    let root = api.root(&headers);
    let version = version(&root);
    Json(json!({
        "commands": links::resource(&root, "commands"),
        "status": links::resource(&root, "status"),
        "media_types": [{"base": "application/json", "type": MEDIA_TYPE}],
        "id": version["id"],
        "links": version["links"],
    }))
}

pub(super) async fn status(State(api): State<Api>) -> Json<Value> {
    Json(json!({
        "started_at": api.started_at.as_duration().as_secs_f64(),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}
