//! `/v1/volume`, which links to connectors and targets, and the same under a node.

use super::reading::of_node;
use super::{Resource, collection, item};
use crate::api::call::{Api, Call};
use crate::api::error::ApiResult;
use crate::api::nodes;
use crate::api::path::Path;
use crate::api::ports::filters;
use crate::api::root;
use axum::routing::get;
use axum::{Json, Router};
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::Query;
use serde_json::{Value, json};

pub(super) const SINCE: u16 = 32;

pub(in crate::api) const RESOURCE: root::Resource = root::Resource {
    name: "volume",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/volume", get(links))
        .route("/v1/nodes/{node}/volume", get(links_of_node))
        .merge(routes_of::<VolumeConnector>())
        .merge(routes_of::<VolumeTarget>())
}

fn routes_of<R: Resource>() -> Router<Api> {
    let place = format!("/v1/{}", R::PATH);
    let under = format!("/v1/nodes/{{node}}/{}", R::PATH);
    Router::new()
        .route(&place, collection::<R>())
        .route(&format!("{place}/{{ident}}"), item::<R>())
        .route(&under, get(under_node::<R>))
}

async fn links(call: Call) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    Ok(shown(&call, "volume"))
}

async fn links_of_node(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    nodes::find::node(&call, &node).await?;
    Ok(shown(&call, &format!("nodes/{node}/volume")))
}

fn shown(call: &Call, place: &str) -> Json<Value> {
    let pair = |rest: &str| call.base.pair(format!("{place}/{rest}"));
    Json(json!({
        "links": pair(""),
        "connectors": pair("connectors"),
        "targets": pair("targets"),
    }))
}

async fn under_node<R: Resource>(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    of_node::<R>(&call, &node, &format!("nodes/{node}/{}", R::PATH)).await
}

/// Both kinds are filtered by their node only.
pub(super) async fn by_node(call: &Call, node: Option<&str>, query: Query) -> ApiResult<Query> {
    let node = node.or(call.arguments.text("node"));
    filters::by_node(call, query, node).await
}
