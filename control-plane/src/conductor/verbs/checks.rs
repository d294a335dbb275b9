//! What must hold before a verb is accepted. A refusal names the cause and, where there is one, the remedy.

use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{NO_ROOM_RETRY_S, Ramdisk, RequestError};
use crate::conductor::validation;
use crate::conductor::wrong_state::not_in_this_state;
use ferric_drivers::InterfaceKind;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{FieldValue, Room, Table};

pub(super) fn state(node: &Node, verb: Verb) -> Result<(), RequestError> {
    let allowed = verb.on(node.provision_state);
    allowed
        .map(drop)
        .map_err(|_| not_in_this_state(node, verb.name()))
}

pub(super) fn protected(node: &Node) -> Result<(), RequestError> {
    if !node.protected {
        return Ok(());
    }
    let reason = node
        .protected_reason
        .as_deref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    Err(RequestError::Forbidden(format!(
        "Node {} is protected{reason} and cannot be undeployed or rebuilt: set protected to false first",
        node.uuid
    )))
}

/// In Ironic's words.
pub(super) fn not_in_maintenance(node: &Node, operation: &str) -> Result<(), RequestError> {
    if !node.maintenance {
        return Ok(());
    }
    Err(RequestError::Invalid(format!(
        "The {operation} operation can't be performed on node {} because it's in maintenance mode.",
        node.uuid
    )))
}

/// Answers what must still hold when the deploy is stored: that there is room for it.
pub(super) async fn deployable(task: &NodeTask) -> Result<Room, RequestError> {
    not_in_maintenance(&task.node, "deploying")?;
    let kinds = [
        InterfaceKind::Power,
        InterfaceKind::Management,
        InterfaceKind::Boot,
        InterfaceKind::Deploy,
    ];
    valid(task, &kinds).await?;
    room(
        task,
        &[ProvisionState::Deploying, ProvisionState::DeployWait],
        task.conductor().settings().conductor.max_concurrent_deploy,
    )
    .await
}

pub(super) async fn cleanable(task: &NodeTask) -> Result<Room, RequestError> {
    valid(task, &[InterfaceKind::Power, InterfaceKind::Management]).await?;
    let configured = task.conductor().settings().conductor.automated_clean;
    if task.node.automated_clean.unwrap_or(configured) {
        valid(task, &[InterfaceKind::Boot]).await?;
    }
    room_to_clean(task).await
}

/// Undeploying ends in cleaning.
pub(super) async fn room_to_clean(task: &NodeTask) -> Result<Room, RequestError> {
    room(
        task,
        &[
            ProvisionState::Deleting,
            ProvisionState::Cleaning,
            ProvisionState::CleanWait,
        ],
        task.conductor().settings().conductor.max_concurrent_clean,
    )
    .await
}

pub(super) async fn inspectable(task: &NodeTask) -> Result<(), RequestError> {
    by_ramdisk(task, "inspect").await
}

pub(super) async fn rescuable(task: &NodeTask) -> Result<(), RequestError> {
    by_ramdisk(task, "rescue").await
}

/// What an interface of this kind does with a ramdisk, unless it is `fake`.
async fn by_ramdisk(task: &NodeTask, kind: &str) -> Result<(), RequestError> {
    let name = task.node.interface(kind);
    if name == Some("fake") {
        return valid(task, &[InterfaceKind::Power]).await;
    }
    if name.is_none_or(|name| name == format!("no-{kind}")) {
        return Err(RequestError::Invalid(format!(
            "Node {} has no {kind} interface: set {kind}_interface to agent",
            task.node.uuid
        )));
    }
    let kinds = [
        InterfaceKind::Power,
        InterfaceKind::Management,
        InterfaceKind::Boot,
    ];
    valid(task, &kinds).await
}

pub(super) async fn serviceable(task: &NodeTask, ramdisk: Ramdisk) -> Result<(), RequestError> {
    valid(task, &[InterfaceKind::Power, InterfaceKind::Management]).await?;
    match ramdisk {
        Ramdisk::Boot => valid(task, &[InterfaceKind::Boot]).await,
        Ramdisk::Disable => Ok(()),
    }
}

async fn valid(task: &NodeTask, kinds: &[InterfaceKind]) -> Result<(), RequestError> {
    let ports = task.ports().await?;
    for kind in kinds {
        let validation = validation::of_kind(task.conductor(), &task.node, &ports, *kind);
        if validation.result == Some(false) {
            let reason = validation.reason.unwrap_or_default();
            return Err(RequestError::Invalid(format!(
                "The {kind} interface of node {} cannot be used: {reason}",
                task.node.uuid
            )));
        }
    }
    Ok(())
}

/// Whether one more node may be in these states, in all or in its conductor group, whichever conductors have them. Others
/// look for room at the same moment: it counts when it still holds in the commit.
async fn room(
    task: &NodeTask,
    states: &[ProvisionState],
    limit: usize,
) -> Result<Room, RequestError> {
    let conductor = task.conductor();
    let values = states
        .iter()
        .map(|state| FieldValue::Text(state.name().to_owned()));
    let mut filters = vec![("provision_state", values.collect())];
    if conductor
        .settings()
        .conductor
        .max_concurrent_per_conductor_group
    {
        let group = FieldValue::Text(task.node.conductor_group.clone());
        filters.push(("conductor_group", vec![group]));
    }
    let room = Room {
        table: Table::Node,
        filters,
        limit,
    };
    let found = conductor.store().outlines(&room.query()).await?.len();
    if found < limit {
        return Ok(room);
    }
    let reason = format!(
        "{found} nodes are in the states {} already: try again later",
        names(states)
    );
    Err(RequestError::Busy {
        reason,
        retry_after_s: NO_ROOM_RETRY_S,
    })
}

fn names(states: &[ProvisionState]) -> String {
    states
        .iter()
        .map(|state| state.name())
        .collect::<Vec<_>>()
        .join(", ")
}
