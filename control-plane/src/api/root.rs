//! `/` and `/v1`: which versions there are, and which resources a version has.

use super::call::Call;
use super::error::ApiResult;
use super::version::ApiVersion;
use axum::Json;
use serde_json::{Map, Value, json};

/// Resources with links under `/v1`, and since when.
const RESOURCES: &[(&str, u16)] = &[
    ("chassis", 1),
    ("nodes", 1),
    ("ports", 1),
    ("drivers", 1),
    ("portgroups", 23),
    ("volume", 32),
    ("lookup", 22),
    ("heartbeat", 22),
    ("conductors", 49),
    ("allocations", 52),
    ("events", 54),
    ("deploy_templates", 55),
    ("shards", 82),
    ("runbooks", 92),
    ("inspection_rules", 96),
    ("continue_inspection", 84),
];

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
    for (name, since) in RESOURCES {
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
