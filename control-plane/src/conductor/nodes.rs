//! Creating, changing and deleting nodes on request.

use super::Conductor;
use super::bulk::Errand;
use super::environment::later;
use super::forward::Update;
use super::hardware_records;
use super::node_task::{NodeTask, TaskError};
use super::plain::ON_A_NODE;
use super::requests::{Maintenance, RequestError};
use crate::config::seconds;
use ferric_drivers::{InterfaceKind, Interfaces};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{BulkRequestId, Epoch, NodeId};
use ferric_model::node::{Node, Ownership};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Room, StoreError, Table, Transaction,
};
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

    pub(super) async fn do_create_node(&self, node: Node) -> Result<Node, RequestError> {
        self.enrol_with(node, &[], None).await
    }

    /// With ports of its own: all of it is stored, or nothing.
    pub(super) async fn enrol_with(
        &self,
        node: Node,
        ports: &[Port],
        errand: Option<Errand>,
    ) -> Result<Node, RequestError> {
        let (bulk, now) = (errand.as_ref().map(Errand::request), self.now());
        let begun = |transaction: Transaction| match errand {
            Some(errand) => errand.begun(None, transaction, now),
            None => transaction,
        };
        self.enrol_beside(node, ports, bulk, begun).await
    }

    /// With ports of its own, and with what else belongs into the same commit.
    pub(super) async fn enrol_beside(
        &self,
        mut node: Node,
        ports: &[Port],
        bulk: Option<BulkRequestId>,
        beside: impl FnOnce(Transaction) -> Transaction,
    ) -> Result<Node, RequestError> {
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
            bulk,
            what: What::Enrolled,
        };
        let chassis = self.chassis_stands(&node).await?;
        let mut transaction = [Expectation::Absent(node.key())]
            .into_iter()
            .chain(chassis)
            .fold(Transaction::new(), Transaction::expect)
            .put(&node)
            .event(event);
        for port in ports {
            self.check_new_member(port).await?;
            let absent = Expectation::Absent(port.key());
            transaction = transaction.expect(absent).put(port);
        }
        self.store()
            .commit(beside(transaction))
            .await
            .map_err(|error| match error {
                StoreError::Stale { key, .. } if key == node.key() => RequestError::Conflict(
                    format!("A node with UUID {} already exists.", node.uuid),
                ),
                StoreError::Stale { key, .. } if key.table == Table::Port => {
                    RequestError::Conflict(format!("A port with UUID {} already exists.", key.id))
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
        let had_console = task.node.interface("console").map(str::to_owned);
        if new.interfaces != task.node.interfaces || new.driver != task.node.driver {
            new.interfaces = self.resolved(&new)?;
        }
        if task.node.console_enabled && new.interface("console") != had_console.as_deref() {
            self.let_console_go(&task.node).await;
            new.console_enabled = false;
        }
        let mut change = task.change();
        if new.chassis_uuid != task.node.chassis_uuid
            && let Some(stands) = self.chassis_stands(&new).await?
        {
            change = change.beside(|transaction| transaction.expect(stands));
        }
        let change = change.with(|node| *node = new);
        task.save(change).await?;
        let node = Node::clone(&task.node);
        self.hand_over(task);
        Ok(node)
    }

    /// Takes a node that nobody serves and that may be deleted, so that it can be.
    pub(super) async fn take_to_delete(&self, id: NodeId) -> Result<(), RequestError> {
        if self.store().is_exclusive() {
            return Ok(());
        }
        let Some(record) = self.store().get(&Key::new(Table::Node, id)).await? else {
            return Ok(());
        };
        let node: Node = record.decode()?;
        let owner = node.ownership.as_ref().map(|owner| owner.incarnation);
        // What is refused is refused by its conductor, once there is one.
        if owner == Some(self.incarnation())
            || deletable(&node).is_err()
            || self.has_children(id).await?
        {
            return Ok(());
        }
        self.take_stranded(&record, node).await?;
        Ok(())
    }

    async fn has_children(&self, id: NodeId) -> Result<bool, StoreError> {
        let id = id.to_string();
        let children =
            Query::all(Table::Node).filter("parent_node", vec![FieldValue::Text(id.clone())]);
        let children = self.store().page(&children).await?.records;
        Ok(children.iter().any(|child| child.key.id != id))
    }

    pub(super) async fn do_destroy_node(&self, id: NodeId) -> Result<(), RequestError> {
        let task = self.task(id, "deleting it").await?;
        self.destroy_locked(task).await
    }

    pub(super) async fn destroy_locked(&self, task: NodeTask) -> Result<(), RequestError> {
        let id = task.id();
        deletable(&task.node)?;
        // Whoever enrols the same UUID again gets a timeline of its own.
        let mut beside = Transaction::new()
            .delete(Key::new(Table::Inventory, id))
            .forget(id, u64::MAX);
        for table in hardware_records::TABLES {
            beside = beside.delete(Key::new(table, id));
        }
        let here = FieldValue::Text(id.to_string());
        for table in ON_A_NODE.into_iter().chain([Table::EraseRecord]) {
            let query = Query::all(table).filter("node_uuid", vec![here.clone()]);
            let found = self.store().outlines(&query).await?;
            // Another conductor may be moving something here, which does not change this node.
            let seen = Room::as_seen(table, "node_uuid", here.clone(), found.len());
            beside = beside.expect(Expectation::Room(seen));
            beside = found
                .into_iter()
                .fold(beside, |beside, found| beside.delete(found.key));
        }
        if self.has_children(id).await? {
            return Err(RequestError::Conflict(format!(
                "Node {id} is the parent of other nodes: delete those first"
            )));
        }
        self.let_console_go(&task.node).await;
        task.delete(beside).await.map_err(|error| match error {
            TaskError::Store(StoreError::NoRoom { .. }) => RequestError::Conflict(format!(
                "Node {id} was given a port, a port group or a volume while it was being deleted: delete it again"
            )),
            error => error.into(),
        })?;
        self.inboxes().clear(id);
        self.mailboxes().clear(id);
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

/// The node with the fields that nobody changes by a patch, as they are now: those of machines, timers, and of what was
/// asked for just before and is being done or has ended.
fn with_ours(node: Node, now: &Node) -> Node {
    Node {
        agent: now.agent.clone(),
        agent_offers: now.agent_offers.clone(),
        boot_mode: now.boot_mode.clone(),
        secure_boot: now.secure_boot,
        dhcp: now.dhcp,
        internal_info: now.internal_info.clone(),
        last_error: now.last_error.clone(),
        ownership: now.ownership.clone(),
        power_state: now.power_state,
        power_sync_failures: now.power_sync_failures,
        periodic_records: now.periodic_records.clone(),
        relayed_media: now.relayed_media.clone(),
        reservation: now.reservation.clone(),
        target_power_state: now.target_power_state,
        updated_at: now.updated_at,
        wish: now.wish.clone(),
        wish_progress: now.wish_progress.clone(),
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
            | ProvisionState::AdoptFailed
    );
    if idle || node.maintenance {
        return Ok(());
    }
    Err(RequestError::Conflict(format!(
        "Can not delete node \"{}\" while it is in provision state \"{state}\": it must be enroll, manageable, available or adopt failed, or in maintenance",
        node.uuid
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::state::PowerState;
    use jiff::Timestamp;
    use uuid::Uuid;

    #[test]
    fn states_in_which_a_node_may_be_deleted() {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        let states = ProvisionState::ALL.iter().filter(|state| {
            node.provision_state = **state;
            deletable(&node).is_ok()
        });
        let names: Vec<_> = states.map(|state| state.name()).collect();
        assert_eq!(names, ["enroll", "manageable", "available", "adopt failed"]);
        node.maintenance = true;
        node.provision_state = ProvisionState::CleanFailed;
        assert!(deletable(&node).is_ok());
        node.protected = true;
        assert!(deletable(&node).is_err());
    }

    /// As a client does that switches the power and sets a field without a pause.
    #[test]
    fn a_change_stands_beside_a_power_action_and_not_beside_another_change() {
        let before = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        let new = Node {
            description: Some("new".to_owned()),
            ..before.clone()
        };
        let now = Node {
            target_power_state: Some(PowerState::On),
            last_error: Some("the BMC did not answer".to_owned()),
            ..before.clone()
        };
        let both = rebase(&before, new.clone(), &now).unwrap();
        assert_eq!(both.description.as_deref(), Some("new"));
        assert_eq!(both.target_power_state, now.target_power_state);
        assert_eq!(both.last_error, now.last_error);
        let now = Node {
            maintenance: true,
            ..before.clone()
        };
        assert!(rebase(&before, new, &now).is_err());
    }
}
