//! POST, PATCH and DELETE: checked whole here, stored by the conductor.

use super::Resource;
use super::reading::{document, find, show};
use crate::api::access::{Rule, Target};
use crate::api::body::{Json as Body, JsonObject};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find as find_field, newer};
use crate::api::gates::INSPECT_WAIT;
use crate::api::nodes;
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::selection::Selection;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::NodeId;
use ferric_model::node::Object;
use ferric_model::state::ProvisionState;
use http::{StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

type Changes = Vec<(&'static Field, Value)>;

const NODE: &str = "node_uuid";

pub(super) async fn create<R: Resource>(
    call: Call,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    let changes = given::<R>(body, &call)?;
    let node = match changes.iter().find(|(field, _)| field.name == NODE) {
        Some((_, value)) => Some(node(&call, value, &R::CREATE).await?),
        None => None,
    };
    let blank = R::blank(call.api.new_id(), node, call.conductor().now());
    let one: R = merged(document(&blank)?, changes)?;
    let one = call.conductor().create_plain(one).await?;
    let place = call.base.url(format!("{}/{}", R::PATH, one.id()));
    let body = show(&one, &Selection::All, &call)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(body)).into_response())
}

pub(super) async fn update<R: Resource>(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    // What hangs on a node cannot be without one: Ironic leaves it where it is.
    let patch = Patch::parse(body, call.version)?.without_removal(NODE);
    patch.check(R::TABLE_OF_FIELDS, call.version)?;
    R::check_patch(&patch)?;
    let (record, old) = find::<R>(&call, &ident).await?;
    let before = document(&old)?;
    let mut changes = patch.apply(R::TABLE_OF_FIELDS, before.clone())?;
    for (field, value) in &mut changes {
        *value = R::check(field, value.take())?;
        if field.name == NODE {
            *value = Value::from(node(&call, value, &R::UPDATE).await?.to_string());
        }
    }
    let new: R = merged(before, changes)?;
    if R::HELD_BY_INSPECTION {
        check_not_inspecting(&call, &new).await?;
    }
    let stored = call.conductor().update_plain(&record, new).await?;
    show(&stored, &Selection::All, &call).map(Json)
}

pub(super) async fn destroy<R: Resource>(
    call: Call,
    Path(ident): Path<String>,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let one = find::<R>(&call, &ident).await?.1;
    call.conductor().destroy_plain(one).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// By UUID only; 400 when there is none, 403 when the rule does not let the caller there.
async fn node(call: &Call, value: &Value, rule: &Rule) -> ApiResult<NodeId> {
    let ident = value.as_str().unwrap_or_default();
    if ident.parse::<Uuid>().is_err() {
        return Err(ApiError::invalid(format!(
            "{NODE} must be a UUID, not {value}"
        )));
    }
    let found = nodes::find::lookup(call, ident).await?;
    let target = found.as_ref().map(|found| Target::of_node(&found.node));
    // Whoever may do it with no node learns nothing of nodes.
    call.access.check(rule, target.unwrap_or(Target::NOBODYS))?;
    let missing = || ApiError::invalid(format!("node {ident} could not be found"));
    Ok(found.ok_or_else(missing)?.node.uuid)
}

async fn check_not_inspecting<R: Resource>(call: &Call, one: &R) -> ApiResult<()> {
    let Some(node) = one.node() else {
        return Ok(());
    };
    let node = nodes::find::node(call, &node.to_string()).await?.node;
    if node.provision_state == ProvisionState::Inspecting && call.version.0 >= INSPECT_WAIT {
        return Err(ApiError::conflict(format!(
            "{} {} cannot be changed while node {} is inspecting",
            R::NOUN,
            one.id(),
            node.uuid
        )));
    }
    Ok(())
}

/// The fields of a new one; what must be given and is not is named.
fn given<R: Resource>(body: Object, call: &Call) -> ApiResult<Changes> {
    let table = R::TABLE_OF_FIELDS;
    let required = table.iter().filter(|field| field.shape.absent().is_none());
    for field in required {
        if !body.contains_key(field.name) {
            let text = format!("{} must be there: a {} has one", field.name, R::NOUN);
            return Err(ApiError::invalid(text));
        }
    }
    let mut changes = Changes::with_capacity(body.len());
    for (name, value) in body {
        let field = find_field(table, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            let text = format!("{name} is not a field that a new {} can be given", R::NOUN);
            ApiError::invalid(text)
        })?;
        if !field.exists_in(call.version) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
        let value = field.shape.check(field.name, value)?;
        changes.push((field, R::check(field, value)?));
    }
    // A null UUID asks for a new one.
    changes.retain(|(field, value)| !(field.name == "uuid" && value.is_null()));
    Ok(changes)
}

fn merged<R: Resource>(mut document: Object, changes: Changes) -> ApiResult<R> {
    for (field, value) in changes {
        document.insert(field.name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(document))
        .map_err(|error| ApiError::invalid(format!("the {} would not be valid: {error}", R::NOUN)))
}
