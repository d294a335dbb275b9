//! `GET /v1/allocations` and `GET /v1/allocations/{allocation}`. A list shows everything unless it is told what to show.

use super::find;
use super::table::{ALLOCATION, document, show as shown};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find as find_field, newer};
use crate::api::nodes;
use crate::api::paging::{self, Paging};
use crate::api::path::Path;
use crate::api::reading::{self, Reading};
use crate::api::selection::Selection;
use axum::Json;
use ferric_model::allocation::Allocation;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Query, Table};
use serde_json::{Value, json};

pub(in crate::api) const FILTERS: &[&str] = &["node", "resource_class", "state", "owner"];

pub(super) async fn list(call: Call) -> ApiResult<Json<Value>> {
    let known = paging::KEYS.iter().chain(FILTERS).chain(&["fields"]);
    call.arguments.allow(&known.copied().collect::<Vec<_>>())?;
    let selection = Selection::of_one(&call, ALLOCATION)?;
    let paging = Paging::parse(&call, ALLOCATION)?;
    if let Some(marker) = call.arguments.uuid("marker")? {
        let marker = marker.to_string();
        let (_, allocation) = find::allocation(&call, &marker).await?;
        let project = call.access.project_of_list();
        if project.is_some() && project != allocation.owner.as_deref() {
            return Err(find::not_found(&marker));
        }
    }
    let query = filtered(&call, paging.query(Table::Allocation)).await?;
    let found = reading::page(&call, &paging, query, &Everything).await?;
    let items = found
        .iter()
        .map(|allocation| shown(allocation, &selection, call.version, &call.base));
    let mut body = json!({"allocations": items.collect::<ApiResult<Vec<_>>>()?});
    let last = found.last().map(|allocation| allocation.uuid.to_string());
    if let Some(next) = paging.next(&call, "allocations", last.as_deref(), found.len()) {
        body["next"] = next;
    }
    Ok(Json(body))
}

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.arguments.allow(&["fields"])?;
    let selection = Selection::of_one(&call, ALLOCATION)?;
    let (_, allocation) = find::allocation(&call, &ident).await?;
    shown(&allocation, &selection, call.version, &call.base).map(Json)
}

async fn filtered(call: &Call, mut query: Query) -> ApiResult<Query> {
    let arguments = &call.arguments;
    call.access.check_listed_project(arguments.text("owner"))?;
    if let Some(project) = call.access.project_of_list() {
        query = query.filter("owner", vec![FieldValue::Text(project.to_owned())]);
    }
    for name in ["resource_class", "state", "owner"] {
        let Some(value) = arguments.text(name) else {
            continue;
        };
        let field = find_field(ALLOCATION, name).filter(|field| !field.exists_in(call.version));
        if let Some(field) = field {
            return Err(newer(&format!("the filter {name}"), field.since));
        }
        query = query.filter(name, vec![FieldValue::Text(value.to_owned())]);
    }
    if let Some(ident) = arguments.text("node") {
        let id = FieldValue::Text(existing(call, ident).await?.uuid.to_string());
        query = query.filter("node_uuid", vec![id]);
    }
    Ok(query)
}

/// A node that a query or a body names; 400 when there is none.
pub(super) async fn existing(call: &Call, ident: &str) -> ApiResult<Node> {
    let found = nodes::find::lookup(call, ident).await?;
    let found = found.ok_or_else(|| ApiError::invalid(format!("Node {ident} could not be found.")));
    Ok(found?.node)
}

/// All that lists are filtered by has an index.
struct Everything;

impl Reading<Allocation> for Everything {
    fn takes_all(&self) -> bool {
        true
    }

    fn takes(&self, _id: &str, _fields: &[(&'static str, FieldValue)]) -> bool {
        true
    }

    fn value(&self, allocation: &Allocation, field: &Field) -> ApiResult<Value> {
        Ok(document(allocation)?.remove(field.name).unwrap_or_default())
    }
}
