//! `GET /v1/ports`, its detailed form, and the ports of one node.

use super::find;
use super::table::{BRIEF, PORT};
use super::view;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, need};
use crate::api::nodes;
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::reading::{self, Reading};
use crate::api::selection::Selection;
use crate::api::shape::mac_address;
use axum::Json;
use ferric_model::port::Port;
use ferric_store::{FieldValue, Query, Table};
use serde_json::{Value, json};
use uuid::Uuid;

const FILTERS: &[&str] = &[
    "node",
    "node_uuid",
    "address",
    "portgroup",
    "shard",
    "conductor_groups",
    "description_contains",
];

pub(super) async fn list(call: Call) -> ApiResult<Json<Value>> {
    let node = node_argument(&call)?;
    brief(&call, node.as_deref(), "ports").await
}

pub(super) async fn detailed(call: Call) -> ApiResult<Json<Value>> {
    allow(&call, &[])?;
    let node = node_argument(&call)?;
    collection(&call, node.as_deref(), Selection::All, "ports/detail").await
}

pub(super) async fn of_node(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    brief(&call, Some(&node), &format!("nodes/{node}/ports")).await
}

pub(super) async fn of_node_detailed(
    call: Call,
    Path(node): Path<String>,
) -> ApiResult<Json<Value>> {
    allow(&call, &[])?;
    collection(
        &call,
        Some(&node),
        Selection::All,
        &format!("nodes/{node}/ports/detail"),
    )
    .await
}

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, PORT)?;
    let found = find::port(&call, &ident).await?;
    view::show(&found.port, &selection, call.version, &call.base).map(Json)
}

/// By UUID, or since 1.5 by name.
fn node_argument(call: &Call) -> ApiResult<Option<String>> {
    if let Some(uuid) = call.arguments.uuid("node_uuid")? {
        return Ok(Some(uuid.to_string()));
    }
    let node = call.arguments.text("node");
    if let Some(name) = node.filter(|node| node.parse::<Uuid>().is_err()) {
        need(call.version, 5, &format!("the node's name {name}"))?;
    }
    Ok(node.map(str::to_owned))
}

fn allow(call: &Call, more: &[&str]) -> ApiResult<()> {
    let known = paging::KEYS.iter().chain(FILTERS).chain(more);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())
}

async fn brief(call: &Call, node: Option<&str>, path: &str) -> ApiResult<Json<Value>> {
    allow(call, &["fields", "detail"])?;
    let selection = Selection::of_list(call, PORT, BRIEF)?;
    collection(call, node, selection, path).await
}

async fn collection(
    call: &Call,
    node: Option<&str>,
    selection: Selection,
    path: &str,
) -> ApiResult<Json<Value>> {
    let paging = Paging::parse(&call.arguments, PORT, call.version)?;
    if let Some(marker) = call.arguments.uuid("marker")? {
        find::port(call, &marker.to_string()).await?;
    }
    let query = filtered(call, node, paging.query(Table::Port)).await?;
    let description_contains = call.arguments.text("description_contains");
    let listing = Listing {
        description_contains,
    };
    let ports = reading::page(call, &paging, query, &listing).await?;
    let shown = ports
        .iter()
        .map(|port| view::show(port, &selection, call.version, &call.base));
    let mut body = json!({"ports": shown.collect::<ApiResult<Vec<_>>>()?});
    let last = ports.last().map(|port| port.uuid.to_string());
    if let Some(next) = paging.next(call, path, last.as_deref(), ports.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

async fn filtered(call: &Call, node: Option<&str>, mut query: Query) -> ApiResult<Query> {
    let arguments = &call.arguments;
    if arguments.text("shard").is_some() {
        need(call.version, 82, "the filter shard")?;
    }
    let exclusive = [node, arguments.text("portgroup"), arguments.text("shard")];
    if exclusive.iter().flatten().count() > 1 {
        return Err(ApiError::forbidden(
            "of node, portgroup and shard only one can be a filter",
        ));
    }
    let groups = arguments.text("conductor_groups");
    let others = [node, arguments.text("portgroup"), arguments.text("address")];
    if groups.is_some() && others.iter().any(Option::is_some) {
        return Err(ApiError::invalid(
            "conductor_groups does not go together with node, portgroup or address",
        ));
    }
    if let Some(node) = node {
        let found = nodes::find::node(call, node).await?;
        query = query.filter("node_uuid", vec![text(&found.node.uuid.to_string())]);
    }
    if let Some(address) = arguments.text("address") {
        let parsed = mac_address(address);
        let address = parsed.ok_or_else(|| {
            ApiError::invalid(format!("address must be a MAC address, not {address:?}"))
        })?;
        query = query.filter("address", vec![text(address.as_str())]);
    }
    if let Some(group) = arguments.text("portgroup") {
        need(call.version, 24, "the filter portgroup")?;
        return Err(ApiError::not_found(format!(
            "port group {group} could not be found"
        )));
    }
    if let Some(shards) = arguments.text("shard") {
        let shards = shards.split(',').map(|shard| text(shard.trim()));
        query = query.filter(
            "node_uuid",
            nodes_in(call, "shard", shards.collect()).await?,
        );
    }
    if let Some(groups) = groups {
        // Stored in lower case.
        let groups = groups
            .split(',')
            .map(|group| text(&group.trim().to_lowercase()));
        let nodes = nodes_in(call, "conductor_group", groups.collect()).await?;
        query = query.filter("node_uuid", nodes);
    }
    Ok(query)
}

async fn nodes_in(call: &Call, field: &str, values: Vec<FieldValue>) -> ApiResult<Vec<FieldValue>> {
    let query = Query::all(Table::Node).filter(field, values);
    let nodes = call.conductor().store().outlines(&query).await?;
    Ok(nodes.iter().map(|node| text(&node.key.id)).collect())
}

/// Which ports a list takes, and how they are sorted where the store has no index.
struct Listing<'a> {
    description_contains: Option<&'a str>,
}

impl Reading<Port> for Listing<'_> {
    fn takes_all(&self) -> bool {
        self.description_contains.is_none()
    }

    async fn takes(&self, port: &Port) -> ApiResult<bool> {
        let text = port.description.as_deref().unwrap_or_default();
        let part = self.description_contains;
        Ok(part.is_none_or(|part| nodes::contains(text, part)))
    }

    fn value(&self, port: &Port, field: &Field) -> ApiResult<Value> {
        Ok(view::document(port)?.remove(field.name).unwrap_or_default())
    }
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}
