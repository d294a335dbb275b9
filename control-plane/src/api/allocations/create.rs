//! `POST /v1/allocations`: checked whole here; the conductor looks for a node after the answer. With `node`, an allocation
//! is made for a node that is in use already.

use super::list::existing;
use super::table::{ALLOCATION, document, show};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find, newer};
use crate::api::gates::BACKFILL;
use crate::api::nodes;
use crate::api::nodes::find::is_name;
use crate::api::selection::Selection;
use crate::api::traits;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::allocation::Allocation;
use ferric_model::ids::AllocationId;
use ferric_model::node::{Node, Object};
use http::{StatusCode, header};
use serde_json::{Value, json};

pub(super) async fn create(call: Call, JsonObject(mut body): JsonObject) -> ApiResult<Response> {
    call.no_arguments()?;
    let node = backfilled(&call, &mut body).await?;
    let mut allocation = asked_for(&call, body, node.as_ref()).await?;
    allocation.owner = call.access.owner_of_new_allocation(allocation.owner)?;
    let conductor = call.conductor();
    let allocation = match node {
        Some(node) => conductor.backfill_allocation(node.uuid, allocation).await?,
        None => conductor.create_allocation(allocation).await?,
    };
    let place = call.base.url(format!("allocations/{}", allocation.uuid));
    let body = show(&allocation, &Selection::All, call.version, &call.base)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(body)).into_response())
}

/// The node that has an instance already, if one is named.
async fn backfilled(call: &Call, body: &mut Object) -> ApiResult<Option<Node>> {
    let Some(value) = body.shift_remove("node") else {
        return Ok(None);
    };
    if call.version.0 < BACKFILL {
        return Err(ApiError::invalid(
            "Cannot set node when creating an allocation in this API version",
        ));
    }
    match value {
        Value::Null => Ok(None),
        Value::String(ident) if ident.is_empty() => Ok(None),
        Value::String(ident) => existing(call, &ident).await.map(Some),
        other => Err(ApiError::invalid(format!(
            "node must be a text, not {other}"
        ))),
    }
}

async fn asked_for(call: &Call, body: Object, node: Option<&Node>) -> ApiResult<Allocation> {
    let mut given = Object::new();
    for (name, value) in body {
        let field = find(ALLOCATION, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            ApiError::invalid(format!(
                "{name} is not a field that a new allocation can be given"
            ))
        })?;
        if !field.exists_in(call.version) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
        let value = match field.name {
            "traits" if value.is_null() => json!([]),
            "traits" => json!(traits::given(Some(value))?),
            "candidate_nodes" => candidates(call, value).await?,
            _ => checked(field, field.shape.check(&name, value)?)?,
        };
        given.insert(name, value);
    }
    if given.get("resource_class").is_none_or(Value::is_null) {
        let node = node.ok_or_else(|| {
            ApiError::invalid("The resource_class field is mandatory when not backfilling")
        })?;
        given.insert("resource_class".to_owned(), json!(node.resource_class));
    }
    // A null UUID asks for a new one; for a node in use that is its instance's.
    let instance = node.and_then(|node| node.instance_uuid);
    let id = instance.unwrap_or_else(|| call.api.new_id());
    given.retain(|name, value| name != "uuid" || !value.is_null());
    let blank = call.conductor().new_allocation(AllocationId(id));
    let mut whole = document(&blank)?;
    whole.extend(given);
    decoded(whole)
}

/// What a field may be beyond its form.
pub(super) fn checked(field: &Field, value: Value) -> ApiResult<Value> {
    match (field.name, value.as_str()) {
        ("name" | "resource_class", Some("")) => Ok(Value::Null),
        ("name", Some(name)) if !is_name(name) => Err(ApiError::invalid(format!(
            "{name:?} is not a name for an allocation: use letters, digits and -._~, at most 255"
        ))),
        _ => Ok(value),
    }
}

/// UUIDs of nodes that exist, in the order in which they were named.
async fn candidates(call: &Call, value: Value) -> ApiResult<Value> {
    let idents = match value {
        Value::Null => return Ok(json!([])),
        Value::Array(idents) => idents,
        other => {
            let text = format!("candidate_nodes must be a list of UUIDs or names, not {other}");
            return Err(ApiError::invalid(text));
        }
    };
    let (mut found, mut missing) = (Vec::with_capacity(idents.len()), Vec::new());
    for ident in &idents {
        let ident = ident.as_str().ok_or_else(|| {
            ApiError::invalid(format!(
                "candidate_nodes must be a list of UUIDs or names; {ident} is neither"
            ))
        })?;
        match nodes::find::lookup(call, ident).await? {
            Some(node) => found.push(node.node.uuid),
            None => missing.push(ident),
        }
    }
    if missing.is_empty() {
        return Ok(json!(found));
    }
    let missing = missing.join(", ");
    Err(ApiError::invalid(format!(
        "Nodes cannot be found: {missing}"
    )))
}

pub(super) fn decoded(document: Object) -> ApiResult<Allocation> {
    serde_json::from_value(Value::Object(document))
        .map_err(|error| ApiError::invalid(format!("the allocation would not be valid: {error}")))
}
