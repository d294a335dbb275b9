//! `POST /v1/nodes`.

use super::input::{check_parent, check_references, check_served, merged};
use super::table::NODE;
use super::view::{View, document};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find, newer};
use crate::api::gates::ENROLL;
use crate::api::masking::refuse_masked;
use crate::api::selection::Selection;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::state::ProvisionState;
use http::{StatusCode, header};
use serde_json::Value;

pub(super) async fn create(call: Call, JsonObject(body): JsonObject) -> ApiResult<Response> {
    call.no_arguments()?;
    let node = described(&call, body).await?;
    let node = call.conductor().create_node(node).await?;
    let view = View::of(&call, Selection::All).await?;
    let location = [(
        header::LOCATION,
        call.base.url(format!("nodes/{}", node.uuid)),
    )];
    let body = view.answer(&node);
    Ok((StatusCode::CREATED, location, body).into_response())
}

/// The node that the body describes, which the caller may make.
pub(in crate::api) async fn described(call: &Call, body: Object) -> ApiResult<Node> {
    let mut node = parse(call, body).await?;
    node.owner = call.access.owner_of_new_node(node.owner)?;
    check_parent(call, &node).await?;
    Ok(node)
}

async fn parse(call: &Call, body: Object) -> ApiResult<Node> {
    let Some(Value::String(driver)) = body.get("driver").cloned() else {
        return Err(ApiError::invalid(
            "driver must be there, and be the name of a hardware type",
        ));
    };
    let mut changes: Vec<(&'static Field, Value)> = Vec::with_capacity(body.len());
    for (name, value) in body {
        let field = find(NODE, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            ApiError::invalid(format!(
                "{name} is not a field that a new node can be given"
            ))
        })?;
        if !field.exists_in(call.version) && !is_unset(field, &value) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
        if ["driver_info", "instance_info"].contains(&field.name) {
            refuse_masked(&name, &value)?;
        }
        let value = field.shape.check(field.name, value)?;
        changes.push((field, check_references(call, field, value).await?));
    }
    // A null UUID asks for a new one.
    changes.retain(|(field, value)| !(field.name == "uuid" && value.is_null()));
    let node = Node::new(NodeId(call.api.new_id()), &driver, call.conductor().now());
    let mut node = merged(document(&node)?, changes)?;
    if call.version.0 < ENROLL {
        node.provision_state = ProvisionState::Available;
    }
    check_served(call, &node).await?;
    Ok(node)
}

/// Old clients may send what their version does not know, as long as it says nothing.
fn is_unset(field: &Field, value: &Value) -> bool {
    value.is_null() || (field.name == "conductor_group" && value == "")
}
