//! `GET /v1/ports`, its detailed form, and the ports of one node or of one port group.

use super::filters;
use super::find;
use super::table::{BRIEF, PORT};
use super::view;
use crate::api::access::{can_be_listed, of_visible_nodes};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, need};
use crate::api::gates::{FILTER_PORTGROUP, FILTER_SHARD, NODE_NAMES};
use crate::api::nodes;
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::plain;
use crate::api::reading::{self, Reading};
use crate::api::selection::Selection;
use axum::Json;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{Check, FieldValue, Query, Table};
use serde_json::{Value, json};
use uuid::Uuid;

pub(in crate::api) const FILTERS: &[&str] = &[
    "node",
    "node_uuid",
    "address",
    "portgroup",
    "shard",
    "conductor_groups",
    "description_contains",
];

/// Whose ports a list has, as its path or its arguments say.
#[derive(Clone, Copy, Default)]
struct Parent<'a> {
    node: Option<&'a str>,
    portgroup: Option<&'a str>,
}

pub(super) async fn list(call: Call) -> ApiResult<Json<Value>> {
    let node = node_argument(&call)?;
    brief(&call, under_node(node.as_deref()), "ports").await
}

pub(super) async fn detailed(call: Call) -> ApiResult<Json<Value>> {
    let node = node_argument(&call)?;
    whole(&call, under_node(node.as_deref()), "ports/detail").await
}

pub(super) async fn of_node(call: Call, Path(node): Path<String>) -> ApiResult<Json<Value>> {
    let path = format!("nodes/{node}/ports");
    brief(&call, under_node(Some(&node)), &path).await
}

pub(super) async fn of_node_detailed(
    call: Call,
    Path(node): Path<String>,
) -> ApiResult<Json<Value>> {
    let path = format!("nodes/{node}/ports/detail");
    whole(&call, under_node(Some(&node)), &path).await
}

pub(super) async fn of_portgroup(call: Call, Path(group): Path<String>) -> ApiResult<Json<Value>> {
    let node = node_argument(&call)?;
    let parent = Parent {
        node: node.as_deref(),
        portgroup: Some(&group),
    };
    brief(&call, parent, &format!("portgroups/{group}/ports")).await
}

pub(super) async fn of_portgroup_detailed(
    call: Call,
    Path(group): Path<String>,
) -> ApiResult<Json<Value>> {
    let node = node_argument(&call)?;
    let parent = Parent {
        node: node.as_deref(),
        portgroup: Some(&group),
    };
    whole(&call, parent, &format!("portgroups/{group}/ports/detail")).await
}

fn under_node(node: Option<&str>) -> Parent<'_> {
    Parent {
        node,
        ..Parent::default()
    }
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
        need(call.version, NODE_NAMES, &format!("the node's name {name}"))?;
    }
    Ok(node.map(str::to_owned))
}

fn allow(call: &Call, more: &[&str]) -> ApiResult<()> {
    let known = paging::KEYS.iter().chain(FILTERS).chain(more);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())
}

async fn brief(call: &Call, parent: Parent<'_>, path: &str) -> ApiResult<Json<Value>> {
    allow(call, &["fields", "detail"])?;
    let selection = Selection::of_list(call, PORT, BRIEF)?;
    collection(call, parent, selection, path).await
}

async fn whole(call: &Call, parent: Parent<'_>, path: &str) -> ApiResult<Json<Value>> {
    allow(call, &[])?;
    collection(call, parent, Selection::All, path).await
}

async fn collection(
    call: &Call,
    parent: Parent<'_>,
    selection: Selection,
    path: &str,
) -> ApiResult<Json<Value>> {
    let paging = Paging::parse(call, PORT)?;
    if let Some(marker) = call.arguments.uuid("marker")? {
        let marker = marker.to_string();
        if !can_be_listed(call, &find::port(call, &marker).await?.record).await? {
            return Err(find::not_found(&marker));
        }
    }
    let query = filtered(call, parent, paging.query(Table::Port)).await?;
    let mut query = of_visible_nodes(call, query).await?;
    if let Some(part) = call.arguments.text("description_contains") {
        query = query.check(described(part));
    }
    let ports = reading::page(call, &paging, query, &Listing).await?;
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

async fn filtered(call: &Call, parent: Parent<'_>, query: Query) -> ApiResult<Query> {
    let arguments = &call.arguments;
    let shards = arguments.text("shard");
    if shards.is_some() {
        need(call.version, FILTER_SHARD, "the filter shard")?;
    }
    let (node, portgroup) = (
        parent.node,
        parent.portgroup.or(arguments.text("portgroup")),
    );
    if [node, portgroup, shards].iter().flatten().count() > 1 {
        return Err(ApiError::forbidden(
            "of node, portgroup and shard only one can be a filter",
        ));
    }
    let (address, groups) = (
        arguments.text("address"),
        arguments.text("conductor_groups"),
    );
    let others = [node, portgroup, address];
    if groups.is_some() && others.iter().any(Option::is_some) {
        return Err(ApiError::invalid(
            "conductor_groups does not go together with node, portgroup or address",
        ));
    }
    let query = filters::by_node(call, query, node).await?;
    let query = filters::by_address(query, address)?;
    let query = by_portgroup(call, query, portgroup).await?;
    let query = filters::by_shards(call, query, shards).await?;
    filters::by_conductor_groups(call, query, groups).await
}

/// By UUID or name; 404 when there is none.
async fn by_portgroup(call: &Call, query: Query, group: Option<&str>) -> ApiResult<Query> {
    let Some(group) = group else {
        return Ok(query);
    };
    need(call.version, FILTER_PORTGROUP, "the filter portgroup")?;
    let (record, found) = plain::find::<Portgroup>(call, group).await?;
    if !can_be_listed(call, &record).await? {
        return Err(plain::not_found::<Portgroup>(group));
    }
    let group = FieldValue::Text(found.uuid.to_string());
    Ok(query.filter("portgroup_uuid", vec![group]))
}

/// No description is an empty one.
fn described(part: &str) -> Check {
    let part = part.to_lowercase();
    Check::new(&["description"], move |values| {
        nodes::contains(values[0].as_text().unwrap_or_default(), &part)
    })
}

/// How they are sorted where the store has no index.
struct Listing;

impl Reading<Port> for Listing {
    fn takes_all(&self) -> bool {
        true
    }

    fn takes(&self, _id: &str, _fields: &[(&'static str, FieldValue)]) -> bool {
        true
    }

    fn value(&self, port: &Port, field: &Field) -> ApiResult<Value> {
        Ok(view::document(port)?.remove(field.name).unwrap_or_default())
    }
}
