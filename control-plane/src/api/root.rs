//! `/` and `/v1`: which versions there are, and which resources a version has.

use super::call::{Api, Call};
use super::error::ApiResult;
use super::version::ApiVersion;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

/// A resource with a link under `/v1`. The router of a listener and its list of links come from the same resources.
#[derive(Clone, Copy)]
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) since: u16,
    pub(super) routes: fn() -> Router<Api>,
}

pub(super) async fn root(call: Call) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let version = version(&call);
    Ok(Json(json!({
        "name": "OpenStack Ironic API",
        "description": "Bare-metal provisioning by Ferric, which speaks this API.",
        "default_version": version,
        "versions": [version],
    })))
}

pub(super) async fn v1(call: Call) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let mut body = Map::new();
    body.insert("id".to_owned(), json!("v1"));
    body.insert(
        "links".to_owned(),
        json!([
            {"href": call.base.url(""), "rel": "self"},
            {
                "href": "https://docs.openstack.org/api-ref/baremetal/",
                "rel": "describedby",
                "type": "text/html",
            },
        ]),
    );
    body.insert(
        "media_types".to_owned(),
        json!({"base": "application/json", "type": "application/vnd.openstack.ironic.v1+json"}),
    );
    for Resource { name, since, .. } in &call.api.resources {
        if *since <= call.version.0 {
            body.insert((*name).to_owned(), call.base.pair(format!("{name}/")));
        }
    }
    body.insert("version".to_owned(), version(&call));
    Ok(Json(Value::Object(body)))
}

fn version(call: &Call) -> Value {
    json!({
        "id": "v1",
        "links": [{"href": call.base.url(""), "rel": "self"}],
        "status": "CURRENT",
        "min_version": ApiVersion::MIN.to_string(),
        "version": ApiVersion::MAX.to_string(),
    })
}
