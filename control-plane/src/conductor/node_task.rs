//! A locked node and the only way to write one. `&mut NodeTask` is "requires the lock".
//!
//! `apply` is the single writer of the provision state. Everything that one commit does is put together in a `Change`
//! first, so a node and its timeline never differ.

use super::Conductor;
use super::locks::NodeLock;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::{Event, Illegal, ProvisionState};
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Revision, StoreError, Table, Transaction,
};
use std::future::Future;
use std::pin::pin;

/// Why a node could not be written. Never the machine's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum TaskError {
    #[error("node {0} does not exist")]
    Gone(NodeId),
    #[error("node {0} belongs to another conductor")]
    NotOurs(NodeId),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A node with its lock.
pub(super) struct NodeTask {
    pub(super) node: Node,
    revision: Revision,
    conductor: Conductor,
    lock: NodeLock,
}

/// What one commit does: the node as it is to be, lines of its timeline, and records beside it.
#[must_use]
pub(super) struct Change {
    node: Node,
    events: Vec<What>,
    beside: Transaction,
}

impl Change {
    pub(super) fn with(mut self, edit: impl FnOnce(&mut Node)) -> Self {
        edit(&mut self.node);
        self
    }

    pub(super) fn event(mut self, what: What) -> Self {
        self.events.push(what);
        self
    }

    pub(super) fn events(mut self, what: impl IntoIterator<Item = What>) -> Self {
        self.events.extend(what);
        self
    }

    /// Ports, inventories and whatever else has to change in the same commit.
    pub(super) fn beside(mut self, add: impl FnOnce(Transaction) -> Transaction) -> Self {
        self.beside = add(self.beside);
        self
    }
}

impl NodeTask {
    /// Reads the node under its lock.
    pub(super) async fn load(conductor: &Conductor, lock: NodeLock) -> Result<Self, TaskError> {
        let id = lock.node();
        let key = Key::new(Table::Node, id);
        let record = conductor
            .store()
            .get(&key)
            .await?
            .ok_or(TaskError::Gone(id))?;
        let node: Node = record.decode()?;
        let ours = node
            .ownership
            .as_ref()
            .is_some_and(|owner| owner.incarnation == conductor.incarnation());
        if !ours {
            return Err(TaskError::NotOurs(id));
        }
        let (revision, conductor) = (record.revision, conductor.clone());
        Ok(Self {
            node,
            revision,
            conductor,
            lock,
        })
    }

    pub(super) fn id(&self) -> NodeId {
        self.lock.node()
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Says what the node is held for, once that is known.
    pub(super) fn set_purpose(&self, purpose: &'static str) {
        self.lock.set_purpose(purpose);
    }

    pub(super) fn conductor(&self) -> &Conductor {
        &self.conductor
    }

    /// A change that changes nothing yet.
    pub(super) fn change(&self) -> Change {
        Change {
            node: self.node.clone(),
            events: Vec::new(),
            beside: Transaction::new(),
        }
    }

    /// Stores what does not touch the provision state.
    pub(super) async fn save(&mut self, change: Change) -> Result<(), TaskError> {
        debug_assert_eq!(
            change.node.provision_state, self.node.provision_state,
            "only apply moves a node"
        );
        self.commit(change).await
    }

    /// Moves the node and stores it with the event that says so, in one transaction.
    pub(super) async fn apply(&mut self, event: Event, change: Change) -> Result<(), TaskError> {
        self.apply_each(&[event], change).await
    }

    /// The same for a way through states in which the node does not stay: each row of the table is one of the events.
    pub(super) async fn apply_each(
        &mut self,
        events: &[Event],
        change: Change,
    ) -> Result<(), TaskError> {
        let now = self.conductor.now();
        let goal = change
            .node
            .run
            .as_ref()
            .or(self.node.run.as_ref())
            .map(|run| run.goal);
        let (mut change, mut from) = (change, self.node.provision_state);
        for event in events {
            let to = from.on(*event)?;
            let target = target(to, goal);
            change = change.with(|node| {
                node.provision_state = to;
                node.target_provision_state = target;
                node.provision_updated_at = Some(now);
            });
            let error = change.node.last_error.clone();
            change.events.push(What::StateChanged {
                from,
                to,
                target,
                error,
            });
            from = to;
        }
        self.commit(change).await
    }

    async fn commit(&mut self, mut change: Change) -> Result<(), TaskError> {
        let now = self.conductor.now();
        change.node.updated_at = Some(now);
        let (id, key) = (self.id(), self.node.key());
        let run = change
            .node
            .run
            .as_ref()
            .or(self.node.run.as_ref())
            .map(|run| run.id);
        let mut transaction = change
            .beside
            .expect(Expectation::Revision(key.clone(), self.revision));
        if let Some(epoch) = change.node.epoch() {
            transaction = transaction.expect(Expectation::Epoch(key, epoch));
        }
        for what in change.events {
            let conductor = self.conductor.host().to_owned();
            let event = TimelineEvent {
                id: self.conductor.new_id(),
                node: id,
                at: now,
                conductor,
                run,
                what,
            };
            transaction = transaction.event(event);
        }
        let store = self.conductor.store();
        self.revision = store.commit(transaction.put(&change.node)).await?;
        self.node = change.node;
        Ok(())
    }

    /// Deletes the node with what hangs on it.
    pub(super) async fn delete(self, beside: Transaction) -> Result<(), TaskError> {
        let key = self.node.key();
        let transaction = beside
            .expect(Expectation::Revision(key.clone(), self.revision))
            .delete(key);
        self.conductor.store().commit(transaction).await?;
        Ok(())
    }

    /// Waits for an effect and merges meanwhile what the machine says, so that no ramdisk waits for a slow BMC.
    ///
    /// The effect works on a snapshot: what it finds out goes into a change afterwards.
    pub(super) async fn during<T>(
        &mut self,
        effect: impl Future<Output = T>,
    ) -> Result<T, TaskError> {
        let mut effect = pin!(effect);
        let inboxes = self.conductor.inboxes().clone();
        loop {
            tokio::select! {
                biased;
                outcome = &mut effect => return Ok(outcome),
                () = inboxes.arrived(self.lock.node()) => self.drain().await?,
            }
        }
    }

    /// The node's ports, in the order in which they were made.
    pub(super) async fn ports(&self) -> Result<Vec<Port>, TaskError> {
        let id = FieldValue::Text(self.id().to_string());
        let query = Query::all(Table::Port).filter("node_uuid", vec![id]);
        let page = self.conductor.store().page(&query).await?;
        Ok(page
            .records
            .iter()
            .map(ferric_store::Record::decode)
            .collect::<Result<_, _>>()?)
    }
}

/// A run has a goal of its own (manual cleaning ends elsewhere than automated cleaning); a stable state has none.
fn target(state: ProvisionState, goal: Option<ProvisionState>) -> Option<ProvisionState> {
    if state.is_stable() {
        return None;
    }
    goal.or_else(|| state.default_target())
}
