//! What hangs on a node is imported by the node's owner, under its lock, as whatever else changes what a node has: no
//! run, no deletion and no move of a port comes between the look at the node and the commit.

use super::{ATTEMPTS, Imported, likeness};
use crate::conductor::Conductor;
use crate::conductor::forward::NodeCall;
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use ferric_model::ids::NodeId;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::{Entity, Expectation, Key, StoreError, Table, Transaction};
use serde::{Deserialize, Serialize};
use std::slice;
use tracing::warn;
use uuid::Uuid;

const PURPOSE: &str = "importing what it has";

/// One of them, also as one conductor hands it to another.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", content = "document", rename_all = "snake_case")]
pub enum OnNode {
    Portgroup(Portgroup),
    Port(Port),
    VolumeConnector(VolumeConnector),
    VolumeTarget(VolumeTarget),
    Inventory(StoredInventory),
}

impl OnNode {
    pub(in crate::conductor) fn node(&self) -> NodeId {
        match self {
            Self::Portgroup(group) => group.node_uuid,
            Self::Port(port) => port.node_uuid,
            Self::VolumeConnector(connector) => connector.node_uuid,
            Self::VolumeTarget(target) => target.node_uuid,
            Self::Inventory(inventory) => inventory.node,
        }
    }
}

impl Conductor {
    /// What is here already needs nobody's lock.
    pub(super) async fn import_on_node(&self, record: OnNode) -> Result<Imported, RequestError> {
        let is_here = match &record {
            OnNode::Portgroup(group) => self.is_here(group).await?,
            OnNode::Port(port) => self.is_here(port).await?,
            OnNode::VolumeConnector(connector) => self.is_here(connector).await?,
            OnNode::VolumeTarget(target) => self.is_here(target).await?,
            OnNode::Inventory(inventory) => self.is_here(inventory).await?,
        };
        if is_here {
            return Ok(Imported::Present);
        }
        let record = Box::new(record);
        self.at_owner(NodeCall::Import { record }).await?.imported()
    }

    pub(in crate::conductor) async fn do_hang(
        &self,
        record: OnNode,
    ) -> Result<Imported, RequestError> {
        let id = record.node();
        let task = self.task(id, PURPOSE).await;
        let mut task = task.map_err(|error| match error {
            RequestError::NotFound(_) => missing("node", id.0),
            error => error,
        })?;
        refuse_busy(&task.node)?;
        match record {
            OnNode::Portgroup(group) => self.hang(&mut task, &group, None).await,
            OnNode::Port(port) => {
                let imported = self.hang(&mut task, &port, port.portgroup_uuid).await?;
                self.answer_dhcp(&task.node, &port).await;
                Ok(imported)
            }
            OnNode::VolumeConnector(connector) => self.hang(&mut task, &connector, None).await,
            OnNode::VolumeTarget(target) => self.hang(&mut task, &target, None).await,
            OnNode::Inventory(inventory) => self.hang(&mut task, &inventory, None).await,
        }
    }

    /// # Errors
    /// Conflict when another one stands under its UUID.
    pub(super) async fn is_here<E: Entity>(&self, new: &E) -> Result<bool, RequestError> {
        match self.store().get(&new.key()).await? {
            Some(record) => likeness::check(&record.decode::<E>()?, new).map(|()| true),
            None => Ok(false),
        }
    }

    async fn hang<E: Entity>(
        &self,
        task: &mut NodeTask,
        new: &E,
        group: Option<Uuid>,
    ) -> Result<Imported, RequestError> {
        for _ in 0..ATTEMPTS {
            if self.is_here(new).await? {
                return Ok(Imported::Present);
            }
            let mut transaction = Transaction::new().expect(Expectation::Absent(new.key()));
            if let Some(group) = group {
                transaction = transaction.expect(self.group_stands(group).await?);
            }
            match task.put_beside(transaction.put(new)).await {
                Ok(()) => return Ok(Imported::Created),
                // Its group was written, or somebody has imported the same onto another node.
                Err(TaskError::Store(StoreError::Stale { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(super::restless(&new.key()))
    }

    async fn group_stands(&self, group: Uuid) -> Result<Expectation, RequestError> {
        let key = Key::new(Table::Portgroup, group);
        let record = self.store().get(&key).await?;
        let record = record.ok_or_else(|| missing("portgroup", group))?;
        Ok(Expectation::Revision(key, record.revision))
    }

    /// At once: the machine may boot at any moment. What the disk does not take now, the next pass over the files does.
    async fn answer_dhcp(&self, node: &Node, port: &Port) {
        let ports = slice::from_ref(port);
        let files = self.boot().local_files(node.uuid, node.dhcp(), ports);
        if let Err(error) = self.boot().write_files(files.wanted).await {
            warn!(node = %node.uuid, error = chain(&error), "the boot files of a port could not be made");
        }
    }
}

/// Whoever works on the node has read what it has.
pub(super) fn refuse_busy(node: &Node) -> Result<(), RequestError> {
    if node.run.is_none() && node.reservation.is_none() {
        return Ok(());
    }
    Err(RequestError::Conflict(format!(
        "node {} is worked on ({}): import it again when that is over",
        node.uuid, node.provision_state
    )))
}

fn missing(noun: &str, id: Uuid) -> RequestError {
    RequestError::NotFound(format!(
        "its {noun} {id} is not here: import that one first"
    ))
}
