//! `GET /ferric/v1/export`: how many records of each kind there are, and with `kind` a page of them.

use super::super::newest;
use super::kind::Kind;
use super::node_record::{self, Secrets};
use super::reading::object;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::masking::masked;
use axum::Json;
use ferric_model::allocation::Allocation;
use ferric_model::inspection_rule::InspectionRule;
use ferric_model::node::{Node, Object};
use ferric_store::{Key, Query, Record, Table};
use serde_json::{Value, json};

/// Of the form of records; a reader refuses a newer one.
const FORMAT: u32 = 1;
const MOST: i64 = 1000;
/// Outlines that are counted at once.
const COUNTED: usize = 2000;

pub(in crate::api::ferric) async fn export(call: Call) -> ApiResult<Json<Value>> {
    let call = newest(call);
    call.arguments
        .allow(&["kind", "limit", "marker", "secrets"])?;
    let Some(kind) = call.arguments.text("kind") else {
        return header(&call).await;
    };
    let kind = Kind::parse(kind)?;
    let secrets = match call.arguments.boolean("secrets")? {
        Some(true) => Secrets::Shown,
        Some(false) | None => Secrets::Masked,
    };
    let limit = match call.arguments.integer("limit")? {
        None => MOST,
        Some(limit) if (1..=MOST).contains(&limit) => limit,
        Some(limit) => {
            return Err(ApiError::invalid(format!(
                "limit must be from 1 to {MOST}, not {limit}"
            )));
        }
    };
    let limit = usize::try_from(limit).unwrap_or_default();
    let marker = call
        .arguments
        .uuid("marker")?
        .map(|marker| marker.to_string());
    let query = Query {
        limit,
        marker,
        ..kind.query()
    };
    let page = call.conductor().store().page(&query).await?.records;
    let last = page.last().filter(|_| page.len() == limit);
    let next = last.map(|record| record.key.id.clone());
    let mut records = Vec::with_capacity(page.len());
    for record in page {
        records.push(shown(&call, kind, &record, secrets).await?);
    }
    Ok(Json(json!({"records": records, "next": next})))
}

async fn header(call: &Call) -> ApiResult<Json<Value>> {
    let mut counts = Object::new();
    for kind in Kind::ALL {
        counts.insert(
            kind.name().to_owned(),
            json!(count(call, kind.query()).await?),
        );
    }
    Ok(Json(
        json!({"format": FORMAT, "at": call.conductor().now(), "counts": counts}),
    ))
}

async fn count(call: &Call, mut query: Query) -> ApiResult<usize> {
    query.limit = COUNTED;
    let mut counted = 0;
    loop {
        let page = call.conductor().store().outlines(&query).await?;
        counted += page.len();
        if page.len() < query.limit {
            return Ok(counted);
        }
        query.marker = page.last().map(|outline| outline.key.id.clone());
    }
}

async fn shown(call: &Call, kind: Kind, record: &Record, secrets: Secrets) -> ApiResult<Value> {
    let document = match kind {
        Kind::Node => return shown_node(call, &record.decode()?, secrets).await,
        Kind::InspectionRule => {
            let rule: InspectionRule = record.decode()?;
            let mut document = object(&rule)?;
            if rule.sensitive && secrets == Secrets::Masked {
                document.insert("conditions".to_owned(), Value::Null);
                document.insert("actions".to_owned(), Value::Null);
            }
            document
        }
        Kind::Allocation => without_worker(&record.decode()?)?,
        // Stored by the names of the wire.
        _ => serde_json::from_slice(&record.document).map_err(|source| ApiError::Internal {
            doing: "reading a record".into(),
            source: Box::new(source),
        })?,
    };
    let document = match (secrets, kind) {
        // An inventory is shown as it is to all who may see it.
        (Secrets::Shown, _) | (_, Kind::Inventory) => document,
        (Secrets::Masked, _) => {
            let mut shown = masked(&document);
            // A name or a description is shown to all.
            shown.extend(document.into_iter().filter(|(_, value)| value.is_string()));
            shown
        }
    };
    Ok(json!({"kind": kind.name(), "document": document}))
}

/// With its allocation, unless that has gone since the node was read.
async fn shown_node(call: &Call, node: &Node, secrets: Secrets) -> ApiResult<Value> {
    let mut document = node_record::write(node, secrets)?;
    let found = match node.allocation_uuid {
        Some(id) => {
            let key = Key::new(Table::Allocation, id);
            call.conductor().store().get(&key).await?
        }
        None => None,
    };
    let allocation: Option<Allocation> = found.map(|found| found.decode()).transpose()?;
    let allocation = allocation.filter(|allocation| allocation.node_uuid == Some(node.uuid));
    let Some(allocation) = allocation else {
        document.insert("allocation_uuid".to_owned(), Value::Null);
        return Ok(json!({"kind": Kind::Node.name(), "document": document}));
    };
    let allocation = without_worker(&allocation)?;
    Ok(json!({"kind": Kind::Node.name(), "document": document, "allocation": allocation}))
}

/// Who looks for a node is this installation's business.
fn without_worker(allocation: &Allocation) -> ApiResult<Object> {
    let mut document = object(allocation)?;
    document.shift_remove("worker");
    Ok(document)
}
