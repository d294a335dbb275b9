//! `{node}/vifs`: which virtual interface of the instance's network sits on which port or port group.
//!
//! Kept in their `internal_info`, as Ironic does. The noop network knows no interfaces: it takes and shows none.

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
use ferric_model::portgroup::Portgroup;
use ferric_store::{Entity, FieldValue, Query, Record};
use http::StatusCode;
use serde_json::{Value, json};
use std::cmp::Reverse;

const SINCE: u16 = 28;
const CHOICE_SINCE: u16 = 67;

/// What of the node an interface can sit on.
enum Plug {
    Port(Box<Port>),
    Group(Box<Portgroup>),
}

/// Where the client wants it, if it does not leave the choice to us.
#[derive(Clone, Copy)]
enum Choice<'a> {
    Any,
    Port(&'a str),
    Group(&'a str),
}

impl Plug {
    fn info(&self) -> &Object {
        match self {
            Self::Port(port) => &port.internal_info,
            Self::Group(group) => &group.internal_info,
        }
    }

    fn info_mut(&mut self) -> &mut Object {
        match self {
            Self::Port(port) => &mut port.internal_info,
            Self::Group(group) => &mut group.internal_info,
        }
    }

    fn vif(&self) -> Option<&str> {
        self.info().get(ATTACHED_VIF).and_then(Value::as_str)
    }

    async fn store(self, call: &Call, record: &Record) -> ApiResult<()> {
        let conductor = call.conductor();
        match self {
            Self::Port(port) => drop(conductor.update_port(record, *port).await?),
            Self::Group(group) => drop(conductor.update_plain(record, *group).await?),
        }
        Ok(())
    }
}

pub(super) async fn list(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.exists_since(SINCE)?;
    call.no_arguments()?;
    let node = find::node(&call, &ident).await?.node;
    let plugs = plugs(&call, &node).await?;
    let vifs = plugs.iter().filter_map(|(_, plug)| plug.vif());
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
    let choice = choice(&body, call.version)?;
    let node = find::node(&call, &ident).await?.node;
    if node.interface("network") == Some("noop") {
        return Ok(StatusCode::NO_CONTENT);
    }
    let plugs = plugs(&call, &node).await?;
    if plugs.iter().any(|(_, plug)| plug.vif() == Some(id)) {
        return Err(ApiError::conflict(format!(
            "{id} is attached to node {} already",
            node.uuid
        )));
    }
    let Some((record, mut plug)) = free(plugs, choice) else {
        return Err(ApiError::conflict(format!(
            "node {} has no free port for {id}",
            node.uuid
        )));
    };
    plug.info_mut()
        .insert(ATTACHED_VIF.to_owned(), Value::from(id));
    plug.store(&call, &record).await?;
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
    let mut plugs = plugs(&call, &node).await?;
    let attached = |id: &str| plugs.iter().position(|(_, plug)| plug.vif() == Some(id));
    let place = attached(&id).or_else(|| attached(call.without_suffix(&id)?));
    let found = place.map(|place| plugs.swap_remove(place));
    let (record, mut plug) = found
        .ok_or_else(|| ApiError::invalid(format!("{id} is not attached to node {}", node.uuid)))?;
    plug.info_mut().shift_remove(ATTACHED_VIF);
    plug.store(&call, &record).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn choice(body: &Object, version: ApiVersion) -> ApiResult<Choice<'_>> {
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
        (Some(Value::String(port)), None) => Ok(Choice::Port(port)),
        (None, Some(Value::String(group))) => Ok(Choice::Group(group)),
        (Some(other), None) => Err(ApiError::invalid(format!(
            "port_uuid must be a text, not {other}"
        ))),
        (None, Some(other)) => Err(ApiError::invalid(format!(
            "portgroup_uuid must be a text, not {other}"
        ))),
        (None, None) => Ok(Choice::Any),
    }
}

/// The best one that is free: a port group before a port by itself, then the ports that the machine boots by.
///
/// The ports of a group are for the group, unless one of them is in use by itself already; a group without a free port
/// is of no use.
fn free(plugs: Vec<(Record, Plug)>, choice: Choice<'_>) -> Option<(Record, Plug)> {
    let mut in_use = Vec::new();
    let mut with_free_ports = Vec::new();
    for (_, plug) in &plugs {
        if let Plug::Port(port) = plug
            && let Some(group) = port.portgroup_uuid
        {
            let taken = plug.vif().is_some();
            let groups = if taken {
                &mut in_use
            } else {
                &mut with_free_ports
            };
            groups.push(group);
        }
    }
    let usable = |plug: &Plug| match (plug, choice) {
        (Plug::Port(port), Choice::Port(wanted)) => {
            port.portgroup_uuid.is_none() && port.uuid.to_string() == wanted
        }
        (Plug::Port(port), Choice::Any) => port
            .portgroup_uuid
            .is_none_or(|group| in_use.contains(&group)),
        (Plug::Port(_), Choice::Group(_)) | (Plug::Group(_), Choice::Port(_)) => false,
        (Plug::Group(group), choice) => {
            let wanted = match choice {
                Choice::Group(wanted) => group.uuid.to_string() == wanted,
                Choice::Any | Choice::Port(_) => true,
            };
            let id = group.uuid.0;
            wanted && with_free_ports.contains(&id) && !in_use.contains(&id)
        }
    };
    let rank = |plug: &Plug| match plug {
        Plug::Group(_) => (true, true),
        Plug::Port(port) => (false, port.pxe_enabled),
    };
    let free = plugs
        .into_iter()
        .filter(|(_, plug)| plug.vif().is_none() && usable(plug));
    // Of equal ones the first.
    free.min_by_key(|(_, plug)| Reverse(rank(plug)))
}

/// The node's ports, and then its port groups.
async fn plugs(call: &Call, node: &Node) -> ApiResult<Vec<(Record, Plug)>> {
    let mut plugs = Vec::new();
    for record in records::<Port>(call, node).await? {
        let port = Plug::Port(Box::new(record.decode()?));
        plugs.push((record, port));
    }
    for record in records::<Portgroup>(call, node).await? {
        let group = Plug::Group(Box::new(record.decode()?));
        plugs.push((record, group));
    }
    Ok(plugs)
}

async fn records<E: Entity>(call: &Call, node: &Node) -> ApiResult<Vec<Record>> {
    let id = FieldValue::Text(node.uuid.to_string());
    let query = Query::all(E::TABLE).filter("node_uuid", vec![id]);
    Ok(call.conductor().store().page(&query).await?.records)
}
