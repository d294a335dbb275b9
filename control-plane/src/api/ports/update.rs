//! `PATCH /v1/ports/{port}`: what may change while its node is where.

use super::find::{self, Found};
use super::input;
use super::table::PORT;
use super::view;
use crate::api::access::{Target, rules};
use crate::api::body::Json as Body;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::gates::{GROUP_NETWORK, INSPECT_WAIT};
use crate::api::selection::Selection;

use crate::api::nodes;
use crate::api::patch::Patch;
use crate::api::path::Path;
use axum::Json;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use serde_json::Value;
use uuid::Uuid;

pub(super) async fn update(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let patch = Patch::parse(body, call.version)?;
    patch.check(PORT, call.version)?;
    let Found { record, port } = find::port(&call, &ident).await?;
    let new = patched(&call, &port, &patch).await?;
    let node = nodes::find::node(&call, &port.node_uuid.to_string())
        .await?
        .node;
    check_state(&call, &port, &new, &node)?;
    let renets = patch.touches("physical_network") && call.version.0 >= GROUP_NETWORK;
    if renets && new.portgroup_uuid.is_some() {
        return Err(ApiError::invalid(
            "physical_network cannot be changed while the port belongs to a portgroup: change it in the portgroup",
        ));
    }
    if new.node_uuid != port.node_uuid {
        let target = nodes::find::node(&call, &new.node_uuid.to_string()).await?;
        check_state(&call, &port, &new, &target.node)?;
    }
    let stored = if new == port {
        port
    } else {
        call.conductor().update_port(&record, new).await?
    };
    view::show(&stored, &Selection::All, call.version, &call.base).map(Json)
}

async fn patched(call: &Call, port: &Port, patch: &Patch) -> ApiResult<Port> {
    let document = view::document(port)?;
    let mut changes = patch.apply(PORT, document.clone())?;
    for (field, value) in &mut changes {
        *value = input::check(field, value.take(), call.version)?;
        if let ("node_uuid", Value::String(ident)) = (field.name, &*value) {
            if ident.parse::<Uuid>().is_err() {
                return Err(ApiError::invalid(format!(
                    "node_uuid must be a UUID, not {ident:?}"
                )));
            }
            let found = nodes::find::lookup(call, ident).await?;
            let found = found
                .ok_or_else(|| ApiError::invalid(format!("node {ident} could not be found")))?;
            // A port goes along with no other owner.
            let target = Target::of_node(&found.node);
            call.access.check(&rules::PORT_UPDATE, target)?;
            *value = Value::from(found.node.uuid.to_string());
        }
    }
    input::merged(document, changes)
}

/// What the machine's network is made of stays while the machine may be using it: for the node of the port, and for the
/// one that gets it.
fn check_state(call: &Call, old: &Port, new: &Port, node: &Node) -> ApiResult<()> {
    if node.provision_state == State::Inspecting && call.version.0 >= INSPECT_WAIT {
        return Err(ApiError::conflict(format!(
            "port {} cannot be changed while node {} is inspecting",
            old.uuid, node.uuid
        )));
    }
    let open = node.maintenance
        || matches!(
            node.provision_state,
            State::Enroll | State::Inspecting | State::InspectWait | State::Manageable
        );
    let wired = |port: &Port| {
        let link = port.local_link_connection.clone();
        (
            link,
            port.portgroup_uuid,
            port.pxe_enabled,
            port.physical_network.clone(),
        )
    };
    if !open && wired(old) != wired(new) {
        return Err(ApiError::conflict(format!(
            "local_link_connection, portgroup_uuid, pxe_enabled and physical_network of port {} cannot be changed while node {} is in the state {} without maintenance",
            old.uuid, node.uuid, node.provision_state
        )));
    }
    let used = node.provision_state == State::Active || node.instance_uuid.is_some();
    if used && !node.maintenance && old.address != new.address {
        return Err(ApiError::conflict(format!(
            "the address of port {} cannot be changed while node {} is active or has an instance: set it to maintenance first",
            old.uuid, node.uuid
        )));
    }
    if old.node_uuid != new.node_uuid && !open {
        return Err(ApiError::conflict(format!(
            "port {} cannot be moved while node {} is in the state {}",
            old.uuid, node.uuid, node.provision_state
        )));
    }
    Ok(())
}
