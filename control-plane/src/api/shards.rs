//! `GET /v1/shards`: how many nodes are in each.

use super::call::{Api, Call};
use super::error::ApiResult;
use super::root::Resource;
use axum::routing::get;
use axum::{Json, Router};
use ferric_store::{FieldValue, Query, Table};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const SINCE: u16 = 82;
/// What Ironic calls the nodes that are in none.
const UNSHARDED: &str = "None";
/// Nodes that are counted at once.
const BATCH: usize = 1000;

pub(super) const RESOURCE: Resource = Resource {
    name: "shards",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    Router::new().route("/v1/shards", get(list))
}

/// Large ones first. Further arguments are ignored, as Ironic does.
async fn list(call: Call) -> ApiResult<Json<Value>> {
    let mut shards: Vec<_> = counts(&call).await?.into_iter().collect();
    shards.sort_by_key(|(_, count)| Reverse(*count));
    let shown = shards.iter().map(|(shard, count)| {
        let name = shard.as_deref().unwrap_or(UNSHARDED);
        json!({"name": name, "count": count})
    });
    Ok(Json(json!({"shards": shown.collect::<Vec<_>>()})))
}

async fn counts(call: &Call) -> ApiResult<BTreeMap<Option<String>, usize>> {
    let mut counts = BTreeMap::new();
    let mut query = Query::all(Table::Node).want(vec!["shard"]);
    query.limit = BATCH;
    loop {
        let nodes = call.conductor().store().outlines(&query).await?;
        for node in &nodes {
            let mut fields = node.fields.iter();
            let shard = fields.find_map(|(name, value)| match value {
                FieldValue::Text(shard) if *name == "shard" => Some(shard.clone()),
                _ => None,
            });
            *counts.entry(shard).or_insert(0) += 1;
        }
        if nodes.len() < BATCH {
            return Ok(counts);
        }
        query.marker = nodes.last().map(|node| node.key.id.clone());
    }
}
