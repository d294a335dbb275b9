//! Creating, changing and deleting nodes on request.

use super::Conductor;
use super::environment::later;
use super::forward::Update;
use super::node_task::NodeTask;
use super::plain::ON_A_NODE;
use super::requests::{Maintenance, RequestError};
use crate::config::seconds;
use ferric_drivers::{InterfaceKind, Interfaces};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{Epoch, NodeId};
use ferric_model::node::{Node, Ownership};
use ferric_model::state::ProvisionState;
use ferric_store::{Entity, Expectation, FieldValue, Key, Query, Table, Transaction};
use std::collections::BTreeMap;

impl Conductor {
    /// The implementations that the node uses; kinds that it does not name are resolved.
    pub(super) fn interfaces(
        &self,
        node: &Node,
    ) -> Result<Interfaces, ferric_drivers::InterfaceError> {
        let named = node
            .interfaces
            .iter()
            .filter_map(|(kind, name)| Some((InterfaceKind::from_name(kind)?, name.clone())));
        ferric_drivers::resolve(&node.driver, self.enabled(), &named.collect())
    }

    pub(super) fn resolved(&self, node: &Node) -> Result<BTreeMap<String, String>, RequestError> {
        let interfaces = self
            .interfaces(node)
            .map_err(|error| RequestError::Invalid(error.to_string()))?;
        Ok(interfaces
            .iter()
            .map(|(kind, name)| (kind.name().to_owned(), name.to_owned()))
            .collect())
    }

    pub(super) async fn do_create_node(&self, mut node: Node) -> Result<Node, RequestError> {
        node.interfaces = self.resolved(&node)?;
        node.ownership = Some(Ownership {
            conductor: self.host().to_owned(),
            incarnation: self.incarnation(),
            epoch: Epoch(1),
        });
        let event = TimelineEvent {
            id: self.new_id(),
            node: node.uuid,
            at: self.now(),
            conductor: self.host().to_owned(),
            run: None,
            what: What::Enrolled,
        };
        let chassis = self.chassis_stands(&node).await?;
        let transaction = [Expectation::Absent(node.key())]
            .into_iter()
            .chain(chassis)
            .fold(Transaction::new(), Transaction::expect)
            .put(&node)
            .event(event);
        self.store()
            .commit(transaction)
            .await
            .map_err(|error| match error {
                ferric_store::StoreError::Stale { key, .. } if key == node.key() => {
                    RequestError::Conflict(format!(
                        "A node with UUID {} already exists.",
                        node.uuid
                    ))
                }
                error => error.into(),
            })?;
        Ok(node)
    }

    pub(super) async fn do_update_node(&self, update: Update<Node>) -> Result<Node, RequestError> {
        let mut task = self.task(update.before.uuid, "updating it").await?;
        let mut new = if task.revision() == update.revision() {
            update.new
        } else {
            rebase(&update.before, update.new, &task.node)?
        };
        if task.node.allocation_uuid.is_some() && new.instance_uuid.is_none() {
            check_disassociation(&task.node)?;
            new.allocation_uuid = None;
        }
        if new.interfaces != task.node.interfaces || new.driver != task.node.driver {
            new.interfaces = self.resolved(&new)?;
        }
        let mut change = task.change();
        if new.chassis_uuid != task.node.chassis_uuid
            && let Some(stands) = self.chassis_stands(&new).await?
        {
            change = change.beside(|transaction| transaction.expect(stands));
        }
        let change = change.with(|node| *node = new);
        task.save(change).await?;
        let node = task.node.clone();
        self.hand_over(task);
        Ok(node)
    }

    pub(super) async fn do_destroy_node(&self, id: NodeId) -> Result<(), RequestError> {
        let task = self.task(id, "deleting it").await?;
        deletable(&task.node)?;
        // Whoever enrols the same UUID again gets a timeline of its own.
        let mut beside = Transaction::new()
            .delete(Key::new(Table::Inventory, id))
            .forget(id, u64::MAX);
        for port in task.ports().await? {
            beside = beside.delete(port.key());
        }
        let here = FieldValue::Text(id.to_string());
        for table in ON_A_NODE {
            let query = Query::all(table).filter("node_uuid", vec![here.clone()]);
            let found = self.store().outlines(&query).await?.into_iter();
            beside = found.fold(beside, |beside, found| beside.delete(found.key));
        }
        let children =
            Query::all(Table::Node).filter("parent_node", vec![FieldValue::Text(id.to_string())]);
        let children = self.store().page(&children).await?.records;
        if children.iter().any(|child| child.key.id != id.to_string()) {
            return Err(RequestError::Conflict(format!(
                "Node {id} is the parent of other nodes: delete those first"
            )));
        }
        task.delete(beside).await?;
        self.inboxes().clear(id);
        Ok(())
    }

    pub(super) async fn do_set_maintenance(
        &self,
        id: NodeId,
        maintenance: Maintenance,
    ) -> Result<(), RequestError> {
        let mut task: NodeTask = self.task(id, "setting its maintenance").await?;
        let grace = later(
            self.now(),
            seconds(self.settings().agent.heartbeat_timeout_s),
        );
        let change = task.change().with(|node| match maintenance {
            Maintenance::On { reason } => {
                node.maintenance = true;
                node.maintenance_reason = reason;
            }
            Maintenance::Off => {
                node.maintenance = false;
                node.maintenance_reason = None;
                node.fault = None;
                // Nobody looked at the machine meanwhile: it is given time to be heard.
                if let Some(wait) = node.run.as_mut().and_then(|run| run.wait.as_mut()) {
                    wait.deadline = wait.deadline.map(|deadline| deadline.max(grace));
                }
            }
        });
        task.save(change).await?;
        self.hand_over(task);
        Ok(())
    }
}

/// A change that was made to an older version of the node. What a machine says is merged at any moment and is nobody's
/// business but ours; anything else that differs means that somebody else was faster.
fn rebase(before: &Node, new: Node, now: &Node) -> Result<Node, RequestError> {
    if with_ours(before.clone(), now) != *now {
        return Err(RequestError::Conflict(format!(
            "Node {} has been changed in between: read it again",
            now.uuid
        )));
    }
    Ok(with_ours(new, now))
}

/// The node with the fields that only machines and timers change, as they are now.
fn with_ours(node: Node, now: &Node) -> Node {
    Node {
        agent: now.agent.clone(),
        dhcp: now.dhcp,
        internal_info: now.internal_info.clone(),
        power_state: now.power_state,
        power_sync_failures: now.power_sync_failures,
        periodic_records: now.periodic_records.clone(),
        updated_at: now.updated_at,
        ..node
    }
}

/// Removing the instance of an allocation removes the allocation too.
fn check_disassociation(node: &Node) -> Result<(), RequestError> {
    let (state, open) = (node.provision_state, ProvisionState::OPEN_FOR_INTERFACES);
    if node.maintenance || open.contains(&state) {
        return Ok(());
    }
    let open: Vec<_> = open.iter().map(|state| state.name()).collect();
    Err(RequestError::Conflict(format!(
        "Node {} with an allocation can not have instance_uuid removed unless it is in one of allowed ({}) states or in maintenance mode. Current state is '{state}'.",
        node.uuid,
        open.join(", ")
    )))
}

/// As in Ironic: nothing may be going on, no instance may be on it; in maintenance the state does not matter.
fn deletable(node: &Node) -> Result<(), RequestError> {
    if node.protected {
        return Err(RequestError::Forbidden(format!(
            "Node {} is protected and cannot be deleted",
            node.uuid
        )));
    }
    if node.instance_uuid.is_some() && !node.maintenance {
        return Err(RequestError::Conflict(format!(
            "Node {} is associated with an instance: undeploy it first",
            node.uuid
        )));
    }
    let state = node.provision_state;
    let idle = matches!(
        state,
        ProvisionState::Enroll
            | ProvisionState::Manageable
            | ProvisionState::Available
            | ProvisionState::Error
            | ProvisionState::AdoptFailed
            | ProvisionState::InspectFailed
            | ProvisionState::CleanFailed
    );
    if idle || node.maintenance {
        return Ok(());
    }
    Err(RequestError::Conflict(format!(
        "Can not delete node \"{}\" while it is in provision state \"{state}\".",
        node.uuid
    )))
}
