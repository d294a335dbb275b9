//! What can be asked about a node beside its fields: whether its settings suffice, and what inspection found.

use super::find;
use crate::api::access::{Target, rules};
use crate::api::arguments::missing;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use axum::Json;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::{Node, Object};
use ferric_store::{FieldValue, Key, Query, Record, Table};
use serde_json::{Value, json};

pub(super) async fn validate(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    validation(&call, &ident).await
}

/// `GET /v1/nodes/validate?node=`: the form that the command line uses.
pub(super) async fn validate_named(call: Call) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["node", "node_uuid"])?;
    let uuid = call.arguments.uuid("node_uuid")?.map(|id| id.to_string());
    let ident = call.arguments.text("node").map(str::to_owned).or(uuid);
    let ident = ident.ok_or_else(|| missing("node"))?;
    let node = find::node(&call, &ident).await?.node;
    call.access
        .check(&rules::NODE_VALIDATE, Target::of_node(&node))?;
    validation(&call, &ident).await
}

async fn validation(call: &Call, ident: &str) -> ApiResult<Json<Value>> {
    let id = find::id(call, ident).await?;
    let found = call.conductor().validate(id).await?;
    let lines = found.into_iter().map(|(kind, validation)| {
        let mut line = json!({"result": validation.result});
        if let Some(reason) = validation.reason {
            line["reason"] = Value::from(reason);
        }
        (kind, line)
    });
    Ok(Json(Value::Object(lines.collect::<Object>())))
}

pub(super) async fn inventory(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let record = call
        .conductor()
        .store()
        .get(&Key::new(Table::Inventory, node.uuid))
        .await?;
    let record = record.ok_or_else(|| no_inventory(&node))?;
    let stored: StoredInventory = record.decode()?;
    Ok(Json(
        json!({"inventory": stored.inventory, "plugin_data": stored.plugin_data}),
    ))
}

/// Ironic's sentence, and why.
fn no_inventory(node: &Node) -> ApiError {
    let reason = match node.inspection_finished_at {
        Some(_) => {
            "the inspection of the node recorded none: a ramdisk does (inspect_interface agent)"
        }
        None => "the node was not inspected yet",
    };
    ApiError::not_found(format!(
        "Node inventory record for node {} could not be found: {reason}.",
        node.uuid
    ))
}

/// `links` is one object here, not a list: Ironic has it so.
pub(super) async fn children(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let parent = FieldValue::Text(id.to_string());
    let query = Query::all(Table::Node).filter("parent_node", vec![parent]);
    let query = call
        .access
        .seen_nodes()
        .into_iter()
        .fold(query, Query::check);
    let records = call.conductor().store().page(&query).await?.records;
    let own = call.access.project_of_list();
    let is_listed = |record: &&Record| {
        own.is_none_or(|own| {
            let is = |name| text(record, name) == Some(own);
            is("owner") || is("lessee")
        })
    };
    let children: Vec<&str> = records
        .iter()
        .filter(is_listed)
        .map(|record| record.key.id.as_str())
        .collect();
    let link = call.base.url(format!("nodes?parent_node={id}"));
    Ok(Json(
        json!({"children": children, "links": {"href": link, "rel": "children"}}),
    ))
}

fn text<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    let mut fields = record.fields.iter();
    match fields.find(|(name, _)| *name == field) {
        Some((_, FieldValue::Text(text))) => Some(text),
        Some(_) | None => None,
    }
}
