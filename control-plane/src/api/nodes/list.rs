//! `GET /v1/nodes`, `GET /v1/nodes/detail` and `GET /v1/nodes/{node}`.

use super::filters::{self, Rest};
use super::find;
use super::table::{BRIEF, NODE};
use super::view::View;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::selection::Selection;

use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use axum::Json;
use ferric_model::node::Node;
use ferric_store::{Query, Table};
use serde_json::{Value, json};

pub(super) async fn list(call: Call) -> ApiResult<Json<Value>> {
    allow(&call, &["fields", "detail"])?;
    let selection = Selection::of_list(&call, NODE, BRIEF)?;
    collection(&call, selection, "nodes").await
}

pub(super) async fn detailed(call: Call) -> ApiResult<Json<Value>> {
    allow(&call, &[])?;
    collection(&call, Selection::All, "nodes/detail").await
}

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, NODE)?;
    let found = find::node(&call, &ident).await?;
    view(&call, selection).show(&found.node).await.map(Json)
}

pub(super) fn view(call: &Call, selection: Selection) -> View<'_> {
    View {
        version: call.version,
        base: &call.base,
        conductor: call.conductor(),
        selection,
    }
}

fn allow(call: &Call, more: &[&'static str]) -> ApiResult<()> {
    let common = paging::KEYS.iter().copied().chain(filters::keys());
    call.arguments
        .allow(&common.chain(more.iter().copied()).collect::<Vec<_>>())
}

async fn collection(call: &Call, selection: Selection, path: &str) -> ApiResult<Json<Value>> {
    let paging = Paging::parse(&call.arguments, NODE, call.version)?;
    check_marker(call, &paging).await?;
    let (query, rest) = filters::apply(call, paging.query(Table::Node)).await?;
    let nodes = matching(call, query, &rest).await?;
    let view = view(call, selection);
    let mut shown = Vec::with_capacity(nodes.len());
    for node in &nodes {
        shown.push(view.show(node).await?);
    }
    let mut body = json!({"nodes": shown});
    let last = nodes.last().map(|node| node.uuid.to_string());
    // An instance has one node: there is no next page, although the first may be full.
    let ended = call.arguments.text("instance_uuid").is_some();
    if let Some(next) = paging
        .next(call, path, last.as_deref(), nodes.len())
        .filter(|_| !ended)
    {
        body["next"] = next;
    }
    Ok(Json(body))
}

async fn check_marker(call: &Call, paging: &Paging) -> ApiResult<()> {
    call.arguments.uuid("marker")?;
    if let Some(marker) = &paging.marker {
        find::node(call, marker).await?;
    }
    Ok(())
}

/// A page of what the store finds; where more must be checked than it can, as many of its pages as make one.
async fn matching(call: &Call, mut query: Query, rest: &Rest) -> ApiResult<Vec<Node>> {
    let store = call.conductor().store();
    let mut nodes: Vec<Node> = Vec::new();
    loop {
        let records = store.page(&query).await?.records;
        let exhausted = records.len() < query.limit;
        query.marker = records.last().map(|record| record.key.id.clone());
        for record in records {
            let node: Node = record.decode()?;
            if rest.is_empty() || rest.matches(&node, call.conductor()).await {
                nodes.push(node);
            }
            if nodes.len() == query.limit {
                return Ok(nodes);
            }
        }
        if exhausted {
            return Ok(nodes);
        }
    }
}
