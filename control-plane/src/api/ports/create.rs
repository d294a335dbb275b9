//! `POST /v1/ports`.

use super::table::PORT;
use super::{input, view};
use crate::api::access::{Target, rules};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find, need, newer};
use crate::api::gates::NODE_IDENT;
use crate::api::nodes;
use crate::api::selection::Selection;
use crate::api::shape::mac_address;
use axum::Json;
use axum::response::{IntoResponse, Response};
use ferric_model::ids::{MacAddress, NodeId, PortId};
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{Key, Table};
use http::{StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

pub(super) async fn create(call: Call, JsonObject(body): JsonObject) -> ApiResult<Response> {
    call.no_arguments()?;
    let port = parse(&call, body).await?;
    let port = call.conductor().create_port(port).await?;
    let location = [(
        header::LOCATION,
        call.base.url(format!("ports/{}", port.uuid)),
    )];
    let body = view::show(&port, &Selection::All, call.version, &call.base)?;
    Ok((StatusCode::CREATED, location, Json(body)).into_response())
}

/// The port that the body describes, of a node that is not stored yet.
pub(in crate::api) async fn of_new_node(call: &Call, body: Object, node: &Node) -> ApiResult<Port> {
    if let Some(key) = ["node_uuid", "node_ident"]
        .into_iter()
        .find(|key| body.contains_key(*key))
    {
        return Err(ApiError::invalid(format!(
            "{key} does not go with a port of a new node, which it belongs to"
        )));
    }
    let target = Target::of_node(node);
    call.access.check(&rules::PORT_CREATE, target)?;
    described(call, body, node.uuid).await
}

async fn parse(call: &Call, mut body: Object) -> ApiResult<Port> {
    let node = node(call, &mut body).await?;
    described(call, body, node).await
}

async fn described(call: &Call, body: Object, node: NodeId) -> ApiResult<Port> {
    let address = body.get("address").cloned().unwrap_or_default();
    let address: MacAddress = address.as_str().and_then(mac_address).ok_or_else(|| {
        ApiError::invalid(format!("address must be a MAC address, not {address}"))
    })?;
    let boots = body.get("pxe_enabled").is_some_and(|flag| !flag.is_null());
    let has_link = body.contains_key("local_link_connection");
    let mut changes: Vec<(&'static Field, Value)> = Vec::with_capacity(body.len());
    for (name, value) in body {
        let field = find(PORT, &name).filter(|field| field.writable_by_post());
        let field = field.ok_or_else(|| {
            ApiError::invalid(format!(
                "{name} is not a field that a new port can be given"
            ))
        })?;
        if !field.exists_in(call.version) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
        let value = field.shape.check(field.name, value)?;
        changes.push((field, input::check(field, value, call.version)?));
    }
    // A null UUID asks for a new one.
    changes.retain(|(field, value)| !(field.name == "uuid" && value.is_null()));
    let port = Port::new(
        PortId(call.api.new_id()),
        address,
        node,
        call.conductor().now(),
    );
    let port = input::merged(view::document(&port)?, changes)?;
    if has_link {
        check_smart(&port)?;
    }
    if boots && port.pxe_enabled {
        check_group_boots(call, &port).await?;
    }
    Ok(port)
}

/// Asked only where `pxe_enabled` was given, as Ironic has it. That the group is there is the conductor's to say.
async fn check_group_boots(call: &Call, port: &Port) -> ApiResult<()> {
    let Some(id) = port.portgroup_uuid else {
        return Ok(());
    };
    let key = Key::new(Table::Portgroup, id);
    let Some(record) = call.conductor().store().get(&key).await? else {
        return Ok(());
    };
    let group: Portgroup = record.decode()?;
    if group.node_uuid == port.node_uuid && !group.standalone_ports_supported {
        return Err(ApiError::conflict(format!(
            "Port group {id} doesn't support standalone ports. This port cannot be created as a member of that portgroup as the port's 'pxe_enabled' field was set to True."
        )));
    }
    Ok(())
}

/// By `node_uuid`, or since 1.94 by `node_ident`, which may be a name.
async fn node(call: &Call, body: &mut Object) -> ApiResult<NodeId> {
    let (by_uuid, by_ident) = (
        body.shift_remove("node_uuid"),
        body.shift_remove("node_ident"),
    );
    let ident = match (by_uuid, by_ident) {
        (Some(Value::String(uuid)), None) if uuid.parse::<Uuid>().is_ok() => uuid,
        (None, Some(Value::String(ident))) => {
            need(call.version, NODE_IDENT, "node_ident")?;
            ident
        }
        _ => {
            return Err(ApiError::invalid(
                "either node_uuid must be there and a UUID, or node_ident",
            ));
        }
    };
    let found = nodes::find::lookup(call, &ident).await?;
    let Some(found) = found else {
        // Whoever may make none learns nothing of nodes.
        call.access.check(&rules::PORT_CREATE, Target::NOBODYS)?;
        let text = format!("node {ident} could not be found");
        return Err(ApiError::invalid(text));
    };
    let target = Target::of_node(&found.node);
    call.access.check(&rules::PORT_CREATE, target)?;
    Ok(found.node.uuid)
}

/// A smart NIC that is given a link must say how its agent is reached.
fn check_smart(port: &Port) -> ApiResult<()> {
    let link = &port.local_link_connection;
    if port.is_smartnic && !(link.contains_key("port_id") && link.contains_key("hostname")) {
        let text = "a smart NIC needs port_id and hostname in local_link_connection";
        return Err(ApiError::invalid(text));
    }
    Ok(())
}
