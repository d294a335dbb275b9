//! What the owner of a node does for an allocation, under the node's lock: reserve it, give it to an allocation that is made
//! for it, and take it back. Node and allocation are written in one commit, which expects both as they were read.

use super::{not_found, refused};
use crate::conductor::Conductor;
use crate::conductor::holder::Holder;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use crate::conductor::requests::RequestError;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::event::What;
use ferric_model::ids::{AllocationId, Incarnation, NodeId};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::{Entity, Expectation, StoreError, Table, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{debug, info};

/// Who wants a node for which allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::conductor) struct Claim {
    pub(in crate::conductor) allocation: AllocationId,
    pub(in crate::conductor) by: Incarnation,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::conductor) enum Claimed {
    Done,
    /// The allocation is gone, has a node already, or is somebody else's by now.
    Withdrawn,
    /// The node does not do (any more).
    Unsuitable,
    /// Somebody holds the node, or has written the allocation since it was read.
    Busy,
    /// No node can be given to this allocation; why.
    Refused(String),
}

impl Conductor {
    /// Gives the node to the allocation, if both are still as the allocation's worker has seen them.
    pub(in crate::conductor) async fn do_allocate(
        &self,
        id: NodeId,
        claim: Claim,
    ) -> Result<Claimed, RequestError> {
        // Without waiting: there are other candidates.
        let Ok(lock) = self.locks().acquire(id, "allocating it") else {
            return Ok(Claimed::Busy);
        };
        let mut task = NodeTask::load(self, lock).await?;
        task.drain().await?;
        let claimed = reserve(&mut task, claim).await;
        self.hand_over(task);
        claimed
    }

    /// Stores an allocation for a node that is active already.
    pub(in crate::conductor) async fn do_backfill(
        &self,
        id: NodeId,
        mut allocation: Allocation,
    ) -> Result<Allocation, RequestError> {
        let mut task = self.task(id, "backfilling its allocation").await?;
        check_backfill(&task.node, &allocation)?;
        allocation.state = AllocationState::Active;
        allocation.node_uuid = Some(id);
        // As one that was given its node later has it.
        allocation.updated_at = Some(self.now());
        let key = allocation.key();
        let change = given(&task, &allocation, Expectation::Absent(key));
        match task.save(change).await {
            Ok(()) => {}
            Err(TaskError::Store(error)) => return Err(not_backfilled(error, id, &allocation)),
            Err(error) => return Err(error.into()),
        }
        self.hand_over(task);
        Ok(allocation)
    }

    /// Deletes the allocation and frees its node.
    pub(in crate::conductor) async fn do_deallocate(
        &self,
        id: NodeId,
        allocation: AllocationId,
    ) -> Result<(), RequestError> {
        let holder = self.holder(Some(id), "deleting its allocation").await?;
        let mut task = match holder {
            Holder::Locked(task) if task.node.allocation_uuid == Some(allocation.0) => task,
            holder => return self.delete_left(holder, id, allocation).await,
        };
        check_release(&task.node, allocation)?;
        let change = freed(&task, allocation);
        task.save(change).await?;
        self.hand_over(*task);
        Ok(())
    }

    /// Deletes an allocation that its node knows nothing of. It went with a tear-down, or with the node's `instance_uuid`;
    /// where it is still there, a conductor of an older version has written the node without it, or deleted the node.
    async fn delete_left(
        &self,
        holder: Holder,
        id: NodeId,
        allocation: AllocationId,
    ) -> Result<(), RequestError> {
        let found = self.allocation(allocation).await?;
        let found = found.filter(|(found, _)| found.node_uuid == Some(id));
        let (found, revision) = found.ok_or_else(|| not_found(allocation))?;
        let gone = Transaction::new()
            .expect(Expectation::Revision(found.key(), revision))
            .delete(found.key());
        let Holder::Locked(mut task) = holder else {
            return Ok(holder.commit(self, gone).await?);
        };
        if task.node.instance_uuid == Some(allocation.0) {
            check_release(&task.node, allocation)?;
        }
        let change = freed(&task, allocation).beside(|_| gone);
        task.save(change).await?;
        self.hand_over(*task);
        Ok(())
    }
}

/// The node without this allocation.
fn freed(task: &NodeTask, allocation: AllocationId) -> Change {
    let text = format!("allocation {allocation} was deleted");
    let change = task.change().with(|node| {
        // An older conductor may have given the node away since.
        node.instance_uuid = node.instance_uuid.filter(|uuid| *uuid != allocation.0);
        node.allocation_uuid = node.allocation_uuid.filter(|uuid| *uuid != allocation.0);
    });
    change.event(What::Note { text })
}

async fn reserve(task: &mut NodeTask, claim: Claim) -> Result<Claimed, RequestError> {
    let (conductor, node) = (task.conductor().clone(), task.id());
    let Some((mut allocation, revision)) = conductor.allocation(claim.allocation).await? else {
        return Ok(Claimed::Withdrawn);
    };
    let is_open = allocation.state == AllocationState::Allocating;
    if !is_open || allocation.worker.incarnation != claim.by {
        return Ok(Claimed::Withdrawn);
    }
    if let Err(reason) = allocation.suits(&task.node) {
        debug!(%node, allocation = %claim.allocation, %reason, "a candidate is skipped");
        return Ok(Claimed::Unsuitable);
    }
    allocation.state = AllocationState::Active;
    allocation.node_uuid = Some(node);
    allocation.last_error = None;
    allocation.updated_at = Some(conductor.now());
    let unchanged = Expectation::Revision(allocation.key(), revision);
    let change = given(task, &allocation, unchanged);
    match task.save(change).await {
        Ok(()) => {
            info!(%node, allocation = %claim.allocation, "reserved");
            Ok(Claimed::Done)
        }
        Err(TaskError::Store(StoreError::Stale { .. })) => Ok(Claimed::Busy),
        Err(TaskError::Store(StoreError::NotUnique { holder, .. })) => {
            Ok(Claimed::Refused(format!(
                "Instance {} is already associated with a node ({holder}), it cannot be associated with this other node {node}",
                claim.allocation
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// The node with its allocation. Deploy templates are found by the traits that the instance asked for, as in Ironic.
fn given(task: &NodeTask, allocation: &Allocation, unchanged: Expectation) -> Change {
    let text = format!("reserved for allocation {}", allocation.uuid);
    let change = task.change().with(|node| {
        node.instance_uuid = Some(allocation.uuid.0);
        node.allocation_uuid = Some(allocation.uuid.0);
        let traits = json!(allocation.traits);
        node.instance_info.insert("traits".to_owned(), traits);
    });
    change
        .event(What::Note { text })
        .beside(|beside| beside.expect(unchanged).put(allocation))
}

/// Not a way around the search for a node: the node must be in use already, and be what the allocation asks for.
fn check_backfill(node: &Node, allocation: &Allocation) -> Result<(), RequestError> {
    let id = node.uuid;
    if let Some(instance) = node.instance_uuid.filter(|uuid| *uuid != allocation.uuid.0) {
        return Err(RequestError::Conflict(format!(
            "Node {id} is associated with instance {instance}."
        )));
    }
    let mut errors = Vec::new();
    if node.provision_state != ProvisionState::Active {
        errors.push(format!(
            "Node must be in the \"active\" state, but the current state is \"{}\"",
            node.provision_state
        ));
    }
    if let Some(class) = &allocation.resource_class
        && node.resource_class.as_ref() != Some(class)
    {
        let current = node.resource_class.as_deref().unwrap_or("None");
        errors.push(format!(
            "Resource class {current} does not match the requested resource class {class}"
        ));
    }
    if !allocation.has_traits(node) {
        errors.push(format!(
            "List of traits {:?} does not match the requested traits {:?}",
            node.traits, allocation.traits
        ));
    }
    if !allocation.candidate_nodes.is_empty() && !allocation.candidate_nodes.contains(&id) {
        let candidates = allocation.candidate_nodes.iter();
        let candidates: Vec<_> = candidates.map(ToString::to_string).collect();
        errors.push(format!(
            "Candidate nodes must be empty or contain the target node, but got {}",
            candidates.join(", ")
        ));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(RequestError::Conflict(format!(
        "Failed to process allocation {}: Cannot backfill an allocation for node {id}: {}.",
        allocation.uuid,
        errors.join("; ")
    )))
}

fn not_backfilled(error: StoreError, node: NodeId, allocation: &Allocation) -> RequestError {
    match error {
        StoreError::NotUnique {
            table: Table::Node, ..
        } => RequestError::Conflict(format!(
            "Instance {} is already associated with a node, it cannot be associated with this other node {node}",
            allocation.uuid
        )),
        error => refused(error, allocation),
    }
}

/// In maintenance an allocation can always be removed.
fn check_release(node: &Node, allocation: AllocationId) -> Result<(), RequestError> {
    if node.maintenance {
        return Ok(());
    }
    let (id, state) = (node.uuid, node.provision_state);
    let why = if node.target_provision_state.is_some()
        && !ProvisionState::OPEN_ON_THE_WAY.contains(&state)
    {
        format!("is in state {state} where updates are not allowed")
    } else if state == ProvisionState::Active {
        "is active".to_owned()
    } else {
        return Ok(());
    };
    Err(RequestError::Conflict(format!(
        "Cannot remove allocation {allocation} for node {id}, because the node {why} (and maintenance mode is off)"
    )))
}
