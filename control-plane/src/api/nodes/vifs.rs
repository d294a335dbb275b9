//! `{node}/vifs`: which virtual interface of the instance's network sits on which port.
//!
//! Kept in the port's `internal_info`, as Ironic does. The noop network knows no interfaces: it takes and shows none.

use super::find;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::api::version::ApiVersion;
use crate::conductor::requests::ATTACHED_VIF;
use axum::Json;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_store::{FieldValue, Query, Record, Table};
use http::StatusCode;
use serde_json::{Value, json};

const SINCE: u16 = 28;
const CHOICE_SINCE: u16 = 67;

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(SINCE)?;
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let ports = ports(&call, &node).await?;
    let vifs = ports.iter().filter_map(|(_, port)| vif(port));
    let vifs: Vec<Value> = vifs.map(|id| json!({"id": id})).collect();
    Ok(Json(json!({"vifs": vifs})))
}

pub(super) async fn attach(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.exists_since(SINCE)?;
    call.no_arguments()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let id = text("id").filter(|id| find::is_name(id));
    let id = id.ok_or_else(|| ApiError::invalid("id must be there, and be a UUID or a name"))?;
    let wanted = chosen_port(&body, call.version)?;
    let node = find::node(&call, &ident).await?.node;
    if node.interface("network") == Some("noop") {
        return Ok(StatusCode::NO_CONTENT);
    }
    let ports = ports(&call, &node).await?;
    if ports.iter().any(|(_, port)| vif(port) == Some(id)) {
        return Err(ApiError::conflict(format!(
            "{id} is attached to node {} already",
            node.uuid
        )));
    }
    let mut free: Vec<_> = ports
        .into_iter()
        .filter(|(_, port)| vif(port).is_none())
        .collect();
    free.retain(|(_, port)| wanted.is_none_or(|wanted| port.uuid.to_string() == wanted));
    // Ports that the machine boots by go first.
    free.sort_by_key(|(_, port)| !port.pxe_enabled);
    let Some((record, mut port)) = free.into_iter().next() else {
        return Err(ApiError::conflict(format!(
            "node {} has no free port for {id}",
            node.uuid
        )));
    };
    port.internal_info
        .insert(ATTACHED_VIF.to_owned(), Value::from(id));
    call.conductor().update_port(&record, port).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn detach(
    call: Call,
    Path((ident, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    call.exists_since(SINCE)?;
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    if node.interface("network") == Some("noop") {
        return Ok(StatusCode::NO_CONTENT);
    }
    let mut ports = ports(&call, &node).await?;
    let attached = |id: &str| ports.iter().position(|(_, port)| vif(port) == Some(id));
    let place = attached(&id).or_else(|| attached(call.without_suffix(&id)?));
    let found = place.map(|place| ports.swap_remove(place));
    let (record, mut port) = found
        .ok_or_else(|| ApiError::invalid(format!("{id} is not attached to node {}", node.uuid)))?;
    port.internal_info.shift_remove(ATTACHED_VIF);
    call.conductor().update_port(&record, port).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The port that the client wants it on, if it does not leave the choice to us.
fn chosen_port(body: &Object, version: ApiVersion) -> ApiResult<Option<&str>> {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    let (port, group) = (given("port_uuid"), given("portgroup_uuid"));
    if (port.is_some() || group.is_some()) && version.0 < CHOICE_SINCE {
        let text = format!("choosing a port needs API version 1.{CHOICE_SINCE} or newer");
        return Err(ApiError::invalid(text));
    }
    match (port, group) {
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "port_uuid and portgroup_uuid do not go together",
        )),
        (None, Some(group)) => Err(ApiError::invalid(format!(
            "port group {group} could not be found"
        ))),
        (Some(Value::String(port)), None) => Ok(Some(port)),
        (Some(other), None) => Err(ApiError::invalid(format!(
            "port_uuid must be a text, not {other}"
        ))),
        (None, None) => Ok(None),
    }
}

fn vif(port: &Port) -> Option<&str> {
    port.internal_info.get(ATTACHED_VIF).and_then(Value::as_str)
}

async fn ports(call: &Call, node: &Node) -> ApiResult<Vec<(Record, Port)>> {
    let id = FieldValue::Text(node.uuid.to_string());
    let query = Query::all(Table::Port).filter("node_uuid", vec![id]);
    let records = call.conductor().store().page(&query).await?.records;
    let ports = records.into_iter().map(|record| {
        let port = record.decode()?;
        Ok((record, port))
    });
    ports.collect()
}
