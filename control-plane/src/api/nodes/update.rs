//! `PATCH /v1/nodes/{node}`: what may change in which state.

use super::find::{self, Found};
use super::input::{check_parent, check_references, check_served, merged, patchable};
use super::table::NODE;
use super::view::{View, document};
use crate::api::access::{Target, check_node_patch, rules};
use crate::api::body::Json as Body;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::gates::{INSPECT_WAIT, REMOVE_CHASSIS, RESET_INTERFACES};
use crate::api::json_text::JsonText;
use crate::api::patch::Patch;
use crate::api::path::Path;
use crate::api::selection::Selection;
use crate::api::version::ApiVersion;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) async fn update(
    call: Call,
    Path(ident): Path<String>,
    Body(body): Body,
) -> ApiResult<JsonText> {
    call.arguments.allow(&["reset_interfaces"])?;
    let patch = Patch::parse(body, call.version)?;
    patch.check(NODE, call.version)?;
    let reset = reset_interfaces(&call, &patch)?;
    let Found { record, node } = find::node(&call, &ident).await?;
    check_node_patch(&call.access, &patch, &node)?;
    check_state(&node, &patch, call.version)?;
    check_owner(&call, &node, &patch)?;
    let new = patched(&call, &node, &patch, reset).await?;
    check_change(&node, &new, call.version)?;
    if node.parent_node != new.parent_node {
        check_parent(&call, &new).await?;
    }
    check_parents(&call, &new).await?;
    if (&node.driver, &node.conductor_group) != (&new.driver, &new.conductor_group) {
        check_served(&call, &new).await?;
    }
    let stored = call.conductor().update_node(&record, new).await?;
    let view = View::of(&call, Selection::All).await?;
    Ok(view.answer(&stored))
}

/// Whether interfaces that are not named go back to what the new driver prefers.
fn reset_interfaces(call: &Call, patch: &Patch) -> ApiResult<bool> {
    let Some(reset) = call.arguments.boolean("reset_interfaces")? else {
        return Ok(false);
    };
    need(
        call.version,
        RESET_INTERFACES,
        "the argument reset_interfaces",
    )?;
    if reset && patch.values("/driver").next().is_none() {
        return Err(ApiError::invalid(
            "reset_interfaces goes with a change of the driver only",
        ));
    }
    Ok(reset)
}

async fn patched(call: &Call, node: &Node, patch: &Patch, reset: bool) -> ApiResult<Node> {
    let mut start = node.clone();
    if reset {
        start.interfaces.clear();
    }
    let stored = document(&start)?;
    let mut changes = Vec::new();
    for (field, value) in patch.apply(NODE, patchable(&start, &stored))? {
        changes.push((field, check_references(call, field, value).await?));
    }
    merged(stored, changes).map(|new| settled(node, new))
}

/// What follows from a change: the fields that go along with others.
fn settled(old: &Node, mut new: Node) -> Node {
    if old.maintenance && !new.maintenance {
        new.maintenance_reason = None;
        new.fault = None;
    }
    if old.protected && !new.protected {
        new.protected_reason = None;
    }
    if old.retired && !new.retired {
        new.retired_reason = None;
    }
    if new.instance_name.is_none() && new.instance_info != old.instance_info {
        let name = new
            .instance_info
            .get("display_name")
            .and_then(Value::as_str);
        new.instance_name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    }
    new
}

/// 409 while the node is on its way.
fn check_state(node: &Node, patch: &Patch, version: ApiVersion) -> ApiResult<()> {
    if node.maintenance && patch.only_removes("/instance_uuid") {
        return Ok(());
    }
    let state = node.provision_state;
    let moving = node.target_provision_state.is_some() && !State::OPEN_ON_THE_WAY.contains(&state);
    let inspecting = state == State::Inspecting && version.0 >= INSPECT_WAIT;
    if moving || inspecting {
        return Err(ApiError::conflict(format!(
            "node {} cannot be changed while it is in the state {state}",
            node.uuid
        )));
    }
    Ok(())
}

/// 409 for another owner while the node is in use, unless the caller is above that.
fn check_owner(call: &Call, node: &Node, patch: &Patch) -> ApiResult<()> {
    let in_use = node.provision_state == State::Active && patch.values("/owner").next().is_some();
    let rule = rules::NODE_UPDATE_OWNER_PROVISIONED;
    if in_use && !call.access.allows(&rule, Target::of_node(node)) {
        return Err(ApiError::conflict(format!(
            "the owner of node {} cannot be changed while it is in the state {}",
            node.uuid, node.provision_state
        )));
    }
    Ok(())
}

/// What of the old node the new one may not differ in.
fn check_change(old: &Node, new: &Node, version: ApiVersion) -> ApiResult<()> {
    let (id, state) = (old.uuid, old.provision_state);
    let open = State::OPEN_FOR_INTERFACES.contains(&state);
    if !open && !new.maintenance && old.interfaces != new.interfaces {
        return Err(ApiError::conflict(format!(
            "interfaces of node {id} cannot be changed in the state {state} without maintenance"
        )));
    }
    // Whoever placed the instance by it would not learn of the new one; setting the first one does no harm.
    if !open && old.resource_class.is_some() && old.resource_class != new.resource_class {
        return Err(ApiError::conflict(format!(
            "the resource class of node {id} cannot be changed in the state {state}"
        )));
    }
    if old.driver != new.driver && old.console_enabled {
        return Err(ApiError::conflict(format!(
            "the driver of node {id} cannot be changed while its console is on"
        )));
    }
    if old.instance_uuid.is_some()
        && new.instance_uuid.is_some()
        && old.instance_uuid != new.instance_uuid
    {
        return Err(ApiError::conflict(format!(
            "node {id} belongs to another instance already: remove its instance_uuid first"
        )));
    }
    if old.chassis_uuid.is_some() && new.chassis_uuid.is_none() {
        need(version, REMOVE_CHASSIS, "removing chassis_uuid")?;
    }
    check_protection(old, new)
}

/// A node that is its own parent, near or far, could never be deleted.
async fn check_parents(call: &Call, new: &Node) -> ApiResult<()> {
    let mut seen = BTreeSet::new();
    let mut next = new.parent_node;
    while let Some(parent) = next.filter(|parent| seen.insert(*parent)) {
        if parent == new.uuid {
            return Err(ApiError::invalid(format!(
                "node {parent} cannot be its own parent, nor the parent of one of its parents"
            )));
        }
        let found = find::lookup(call, &parent.to_string()).await?;
        next = found.and_then(|found| found.node.parent_node);
    }
    Ok(())
}

fn check_protection(old: &Node, new: &Node) -> ApiResult<()> {
    let state = old.provision_state;
    if new.protected && !old.protected && !matches!(state, State::Active | State::Rescue) {
        return Err(ApiError::conflict(format!(
            "a node can be protected in the states active and rescue only, not in {state}"
        )));
    }
    if new.retired && !old.retired && state == State::Available {
        return Err(ApiError::conflict(
            "a node that is available cannot be retired: make it manageable first",
        ));
    }
    let reason = |has: bool, reason: &Option<String>| !has && reason.is_some();
    if reason(new.protected, &new.protected_reason) && new.protected_reason != old.protected_reason
    {
        return Err(ApiError::invalid(
            "protected_reason goes with protected only",
        ));
    }
    if reason(new.retired, &new.retired_reason) && new.retired_reason != old.retired_reason {
        return Err(ApiError::invalid("retired_reason goes with retired only"));
    }
    Ok(())
}
