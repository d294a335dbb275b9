//! `GET /v1/nodes`, `GET /v1/nodes/detail` and `GET /v1/nodes/{node}`, and the nodes of a chassis.

use super::filters::{self, Rest};
use super::table::{BRIEF, NODE};
use super::view::{View, document};
use super::{derived, find};
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::fields::Field;
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::reading::{self, Reading};
use crate::api::selection::Selection;
use crate::conductor::Conductor;
use axum::Json;
use ferric_model::ids::ChassisId;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Table};
use serde_json::{Value, json};

pub(super) async fn list(call: Call) -> ApiResult<Json<Value>> {
    allow(&call, &["fields", "detail"])?;
    let selection = Selection::of_list(&call, NODE, BRIEF)?;
    collection(&call, None, selection, "nodes").await
}

pub(super) async fn detailed(call: Call) -> ApiResult<Json<Value>> {
    allow(&call, &[])?;
    collection(&call, None, Selection::All, "nodes/detail").await
}

/// Those of one chassis.
pub(in crate::api) async fn in_chassis(call: &Call, chassis: ChassisId) -> ApiResult<Json<Value>> {
    allow(call, &["fields", "detail"])?;
    let selection = Selection::of_list(call, NODE, BRIEF)?;
    let path = format!("chassis/{chassis}/nodes");
    collection(call, Some(chassis), selection, &path).await
}

pub(in crate::api) async fn in_chassis_detailed(
    call: &Call,
    chassis: ChassisId,
) -> ApiResult<Json<Value>> {
    allow(call, &[])?;
    let path = format!("chassis/{chassis}/nodes/detail");
    collection(call, Some(chassis), Selection::All, &path).await
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
        access: &call.access,
        selection,
    }
}

fn allow(call: &Call, more: &[&'static str]) -> ApiResult<()> {
    let common = paging::KEYS.iter().copied().chain(filters::keys());
    call.arguments
        .allow(&common.chain(more.iter().copied()).collect::<Vec<_>>())
}

async fn collection(
    call: &Call,
    chassis: Option<ChassisId>,
    selection: Selection,
    path: &str,
) -> ApiResult<Json<Value>> {
    let paging = Paging::parse(&call.arguments, NODE, call.version)?;
    check_marker(call, &paging).await?;
    let mut query = paging.query(Table::Node);
    if let Some(chassis) = chassis {
        let chassis = FieldValue::Text(chassis.to_string());
        query = query.filter("chassis_uuid", vec![chassis]);
    }
    let (query, rest) = filters::apply(call, query).await?;
    let conductor = call.conductor();
    let nodes = reading::page(call, &paging, query, &Listing { rest, conductor }).await?;
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

/// Which nodes a list takes, and how they are sorted where the store has no index.
struct Listing<'a> {
    rest: Rest,
    conductor: &'a Conductor,
}

impl Reading<Node> for Listing<'_> {
    fn takes_all(&self) -> bool {
        self.rest.is_empty()
    }

    async fn takes(&self, node: &Node) -> ApiResult<bool> {
        self.rest.matches(node, self.conductor).await
    }

    fn value(&self, node: &Node, field: &Field) -> ApiResult<Value> {
        if field.name == "reservation" {
            return Ok(derived::reservation(node));
        }
        match derived::interface(node, field.name) {
            Some(value) => Ok(value),
            None => Ok(document(node)?.remove(field.name).unwrap_or_default()),
        }
    }
}
