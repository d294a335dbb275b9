//! A locked node and the only way to write one. `&mut NodeTask` is "requires the lock".
//!
//! `apply` is the single writer of the provision state. Everything that one commit does is put together in a `Change`
//! first, so a node and its timeline never differ.

use super::Conductor;
use super::bulk::{self, Errand};
use super::fence::{Generation, on_ground};
use super::locks::NodeLock;
use super::planted::Planted;
use super::takeover::next_epoch;
use ferric_model::event::{Requester, TimelineEvent, What};
use ferric_model::ids::{Incarnation, NodeId};
use ferric_model::node::{Node, Ownership, Reservation};
use ferric_model::port::Port;
use ferric_model::state::{Event, Illegal, ProvisionState};
use ferric_store::{Entity, Expectation, Key, Revision, StoreError, Table, Transaction};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

/// Why a node could not be written. Never the machine's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum TaskError {
    #[error("node {0} does not exist")]
    Gone(NodeId),
    #[error("node {0} belongs to another conductor")]
    NotOurs(NodeId),
    /// Nothing was begun at its machine, or not all of it. It is taken up again by whoever has the node then.
    #[error("node {0} may belong to another conductor by now: nothing is begun at its machine")]
    Unsure(NodeId),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A node with its lock.
pub(super) struct NodeTask {
    pub(super) node: Arc<Node>,
    revision: Revision,
    /// Of the fence, from before the node was read.
    generation: Generation,
    conductor: Conductor,
    lock: NodeLock,
    /// What the next commit begins.
    errand: Option<Errand>,
    /// For whom the next commit is made.
    asked_by: Option<Requester>,
}

/// Who gets a node that is handed over, and what must still stand in the store of them.
pub(super) struct Successor {
    pub(super) owner: String,
    pub(super) incarnation: Incarnation,
    pub(super) key: Key,
    pub(super) revision: Revision,
    /// How far its clock is ahead of this conductor's.
    pub(super) ahead: jiff::SignedDuration,
}

/// What one commit does: the node as it is to be, lines of its timeline, and records beside it.
#[must_use]
pub(super) struct Change {
    node: Node,
    events: Vec<What>,
    beside: Transaction,
}

impl Change {
    /// Whose change it is.
    pub(super) fn node_id(&self) -> NodeId {
        self.node.uuid
    }

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
        let generation = conductor.fence().generation();
        let (node, revision) = read(conductor, lock.node()).await?;
        let conductor = conductor.clone();
        Ok(Self {
            node,
            revision,
            generation,
            conductor,
            lock,
            errand: None,
            asked_by: None,
        })
    }

    /// With an item of a bulk request that the next commit begins, and says so.
    pub(super) fn on_errand(self, errand: Errand) -> Self {
        let errand = Some(errand);
        Self { errand, ..self }
    }

    /// For somebody whom the next commit names, if it moves the node.
    pub(super) fn asked_by(self, asked_by: Option<Requester>) -> Self {
        Self { asked_by, ..self }
    }

    /// To be asked before an effect's intent is stored: whether the node is surely ours for as long as a call may take.
    pub(super) fn ensure_ours(&self) -> Result<(), TaskError> {
        let longest = self.conductor.settings().longest_call();
        if self.conductor.fence().lasts(self.generation, longest) {
            return Ok(());
        }
        Err(TaskError::Unsure(self.id()))
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
            node: Node::clone(&self.node),
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

    /// The same for what may come to nothing: then nothing is written.
    pub(super) async fn save_if_changed(&mut self, change: Change) -> Result<(), TaskError> {
        if change.events.is_empty() && change.node == *self.node {
            return Ok(());
        }
        self.save(change).await
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
                cause: Some(*event),
                asked_by: self.asked_by.clone(),
            });
            from = to;
        }
        self.commit(change).await
    }

    /// Stores what comes onto the node, and the node as it is, its times too: by its revision whoever looks after it
    /// sees that something has come.
    pub(super) async fn put_beside(&mut self, beside: Transaction) -> Result<(), TaskError> {
        let change = self.change().beside(|_| beside);
        self.write(change).await
    }

    async fn commit(&mut self, mut change: Change) -> Result<(), TaskError> {
        change.node.updated_at = Some(self.conductor.now());
        self.write(change).await
    }

    async fn write(&mut self, mut change: Change) -> Result<(), TaskError> {
        let now = self.conductor.now();
        let (id, key) = (self.id(), self.node.key());
        let run = change
            .node
            .run
            .as_ref()
            .or(self.node.run.as_ref())
            .map(|run| run.id);
        let (nodes, errand) = ((&*self.node, &mut change.node), self.errand.take());
        let asked = errand.as_ref().map(Errand::request);
        let beside = bulk::noted(&self.conductor, nodes, errand, change.beside).await?;
        let runs = || bulk::request_of(&change.node).or(bulk::request_of(&self.node));
        let bulk = asked.or_else(runs);
        let mut transaction = beside.expect(Expectation::Revision(key.clone(), self.revision));
        if let Some(released) = allocation_of(&self.node)
            && change.node.allocation_uuid != self.node.allocation_uuid
        {
            transaction = transaction.delete(released);
        }
        if let Some(epoch) = self.node.epoch() {
            transaction = transaction.expect(Expectation::Epoch(key, epoch));
        }
        if self.conductor.planted(Planted::NoEpochCheck) {
            transaction.expect.clear();
        }
        for what in change.events {
            let conductor = self.conductor.host().to_owned();
            let event = TimelineEvent {
                id: self.conductor.new_id(),
                node: id,
                at: now,
                conductor,
                run,
                bulk,
                what,
            };
            transaction = transaction.event(event);
        }
        let transaction = transaction.put(&change.node);
        let size_bytes = transaction.put.last().map_or(0, |put| put.document.len());
        let committed = self.conductor.store().commit(transaction).await;
        self.revision = match committed {
            Ok(revision) => revision,
            Err(error) => return Err(self.explained(error).await),
        };
        self.node = Arc::new(change.node);
        let known = self.conductor.known_nodes();
        known.keep(id, self.revision, &self.node, size_bytes);
        self.asked_by = None;
        Ok(())
    }

    /// Whoever took the node over has written it since; then what was worked out here is worth nothing.
    async fn explained(&self, error: StoreError) -> TaskError {
        match &error {
            StoreError::Stale { key, .. } if *key == self.node.key() => {}
            _ => return error.into(),
        }
        match read(&self.conductor, self.id()).await {
            Err(theirs @ (TaskError::Gone(_) | TaskError::NotOurs(_))) => theirs,
            _ => error.into(),
        }
    }

    /// Makes the node another conductor's, with whatever is going on with it. Nothing is written here afterwards.
    pub(super) async fn give(&mut self, to: &Successor) -> Result<(), TaskError> {
        let owner = Ownership {
            conductor: to.owner.clone(),
            incarnation: to.incarnation,
            epoch: next_epoch(&self.node),
        };
        let (conductor, since) = (to.owner.clone(), self.conductor.now());
        let node = Node::clone(&self.node);
        let theirs = since.checked_add(to.ahead).unwrap_or(since);
        let mut node = self.conductor.in_new_hands(node, owner, to.ahead, theirs);
        if node.target_power_state.is_some() && node.run.is_none() {
            // So that it is found and gone on with.
            node.reservation = Some(Reservation {
                conductor,
                purpose: "changing its power state".to_owned(),
                since,
            });
        }
        let text = format!("handed over to conductor {}", to.owner);
        let change = self.change().with(|current| *current = node);
        let change = change
            .event(What::Note { text })
            .beside(|beside| beside.expect(Expectation::Revision(to.key.clone(), to.revision)));
        self.commit(change).await
    }

    /// Deletes the node with what hangs on it.
    pub(super) async fn delete(mut self, beside: Transaction) -> Result<(), TaskError> {
        let key = self.node.key();
        let errand = self.errand.take();
        let beside = bulk::of_deleted(&self.conductor, &self.node, errand, beside).await?;
        let mut transaction = beside.expect(Expectation::Revision(key.clone(), self.revision));
        if let Some(allocation) = allocation_of(&self.node) {
            transaction = transaction.delete(allocation);
        }
        if let Some(epoch) = self.node.epoch() {
            transaction = transaction.expect(Expectation::Epoch(key.clone(), epoch));
        }
        match self.conductor.store().commit(transaction.delete(key)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// Waits for an effect and merges meanwhile what the machine says, so that no ramdisk waits for a slow BMC.
    ///
    /// The effect works on a snapshot: what it finds out goes into a change afterwards. Where the fence refused a part of it
    /// that is forgotten: it says nothing about the machine.
    pub(super) async fn during<T>(
        &mut self,
        effect: impl Future<Output = T>,
    ) -> Result<T, TaskError> {
        let mut effect = pin!(on_ground(self.generation, effect));
        let inboxes = self.conductor.inboxes().clone();
        loop {
            tokio::select! {
                biased;
                outcome = &mut effect => return outcome.ok_or(TaskError::Unsure(self.id())),
                () = inboxes.arrived(self.lock.node()) => self.drain().await?,
            }
        }
    }

    /// The node's ports, in the order in which they were made.
    pub(super) async fn ports(&self) -> Result<Vec<Port>, TaskError> {
        Ok(self.conductor.ports_of(self.id()).await?)
    }
}

/// An allocation goes with its node: whatever takes it off the node deletes it in the same commit.
fn allocation_of(node: &Node) -> Option<Key> {
    let allocation = node.allocation_uuid?;
    Some(Key::new(Table::Allocation, allocation))
}

/// The node as it stands, if it is ours.
async fn read(conductor: &Conductor, id: NodeId) -> Result<(Arc<Node>, Revision), TaskError> {
    let standing = conductor.standing_node(id).await?;
    let (node, revision) = standing.ok_or(TaskError::Gone(id))?;
    let owner = node.ownership.as_ref();
    if owner.is_none_or(|owner| owner.incarnation != conductor.incarnation()) {
        return Err(TaskError::NotOurs(id));
    }
    Ok((node, revision))
}

/// A run has a goal of its own (manual cleaning ends elsewhere than automated cleaning); a stable state has none.
fn target(state: ProvisionState, goal: Option<ProvisionState>) -> Option<ProvisionState> {
    if state.is_stable() {
        return None;
    }
    goal.or_else(|| state.default_target())
}
