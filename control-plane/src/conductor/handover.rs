//! Handing nodes over to conductors that are alive: those at rest that the ring gives to another one, and at the end all.
//!
//! A node goes in one commit, which says who has it now and fences off whoever had it, and only to a conductor whose record
//! still stands as it was seen: one that was started again meanwhile would not know that the node is its own.

use super::Conductor;
use super::around::{Around, Seen};
use super::node_task::{NodeTask, Successor, TaskError};
use super::requests::RequestError;
use super::steps::chain;
use super::walk::Walk;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Outline, Query, StoreError, Table};
use futures_util::StreamExt;
use futures_util::stream;
use std::sync::Arc;
use tracing::{info, warn};

/// Nodes that go at the same time.
const WIDTH: usize = 16;
/// Nodes that go in one pass; the others in the next, so that a conductor that joins is not given everything at once.
const BATCH: usize = 1000;
/// How often a node is offered while its new conductor's record changes under our hands.
const ATTEMPTS: usize = 3;
/// When somebody who was not seen yet is to ask again.
const RETRY_S: u32 = 10;

/// Which nodes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    /// Those at rest that belong to somebody else now.
    Moved,
    /// All that somebody else can take.
    All,
}

impl Parting {
    fn rings(self, around: &Around) -> Arc<Rings> {
        match self {
            Self::Moved => around.rings(),
            Self::All => around.rings_of_others(),
        }
    }
}

impl Conductor {
    /// Hands over nodes on which nobody works and which the ring gives to another conductor. Answers how many went.
    pub(super) async fn hand_over_moved(&self) -> Result<usize, TaskError> {
        if self.store().is_exclusive() || self.stopping() {
            return Ok(0);
        }
        let around = self.look_around().await?;
        let rings = Parting::Moved.rings(&around);
        let found = self.owned_outlines(true).await?;
        let moved = found.iter().filter_map(|outline| {
            let host = host_of(&rings, outline)?;
            (host != self.host()).then_some(outline.key.id.parse().ok()?)
        });
        let moved: Vec<NodeId> = moved.take(BATCH).collect();
        Ok(self.part_from(moved, &around, Parting::Moved).await)
    }

    /// Hands over every node that another conductor can take, those in the middle of a run too. What is being worked on
    /// this very moment stays.
    pub(super) async fn hand_over_all(&self) -> Result<usize, StoreError> {
        if self.store().is_exclusive() {
            return Ok(0);
        }
        let around = self.look_around().await?;
        let rings = Parting::All.rings(&around);
        let found = self.owned_outlines(false).await?;
        let able = found
            .iter()
            .filter(|outline| host_of(&rings, outline).is_some());
        let nodes: Vec<NodeId> = able
            .filter_map(|outline| outline.key.id.parse().ok())
            .collect();
        let (of, all) = (nodes.len(), found.len());
        let handed = self.part_from(nodes, &around, Parting::All).await;
        if all > 0 {
            info!(handed, of, all, "handed over to other conductors");
        }
        Ok(handed)
    }

    /// How many nodes this conductor has.
    pub async fn owned_nodes(&self) -> Result<usize, StoreError> {
        Ok(self.owned_outlines(false).await?.len())
    }

    async fn owned_outlines(&self, resting_only: bool) -> Result<Vec<Outline>, StoreError> {
        let ours = FieldValue::Text(self.host().to_owned());
        let mut query = Query::all(Table::Node).filter("owned_by", vec![ours]);
        if resting_only {
            query = query
                .filter("running", vec![FieldValue::Bool(false)])
                .filter("reserved", vec![FieldValue::Bool(false)])
                .filter("target_power_state", vec![FieldValue::Null]);
        }
        let mut found = Vec::new();
        let mut walk = Walk::new(query);
        while let Some(outlines) = walk.next_outlines(self.store().as_ref()).await? {
            found.extend(outlines);
        }
        Ok(found)
    }

    async fn part_from(&self, nodes: Vec<NodeId>, around: &Around, parting: Parting) -> usize {
        let went = stream::iter(nodes)
            .map(|node| async move {
                match self.hand_node_over(node, around, parting).await {
                    Ok(went) => usize::from(went),
                    Err(TaskError::Gone(_) | TaskError::NotOurs(_)) => 0,
                    Err(error) => {
                        warn!(%node, error = chain(&error), "the node could not be handed over");
                        0
                    }
                }
            })
            .buffer_unordered(WIDTH);
        went.fold(0, |sum, went| async move { sum + went }).await
    }

    /// Whether it went: not if somebody works on it, or if nobody can take it any more.
    async fn hand_node_over(
        &self,
        node: NodeId,
        around: &Around,
        parting: Parting,
    ) -> Result<bool, TaskError> {
        let Ok(lock) = self.locks().acquire(node, "handing it over") else {
            return Ok(false);
        };
        let mut task = NodeTask::load(self, lock).await?;
        task.drain().await?;
        if parting == Parting::Moved && !is_resting(&task.node) {
            return Ok(false);
        }
        let choose = |node: &Node, around: &Around| self.destination(node, around, parting);
        self.give(task, around, choose).await
    }

    /// Whether it went. The one that it goes to is chosen anew when its record has changed since it was seen: it has
    /// beaten, or it is another one by now.
    async fn give(
        &self,
        mut task: NodeTask,
        around: &Around,
        choose: impl Fn(&Node, &Around) -> Option<Successor>,
    ) -> Result<bool, TaskError> {
        let mut to = choose(&task.node, around);
        for _ in 0..ATTEMPTS {
            let Some(successor) = to else {
                return Ok(false);
            };
            match task.give(&successor).await {
                Ok(()) => {
                    self.figures_of_ownership().handed_over();
                    let node = task.id();
                    // Before anything that may take long: an agent whose question is held here is asked elsewhere now.
                    self.mailboxes().clear(node);
                    self.let_console_go(&task.node).await;
                    drop(task);
                    // Whoever still waits for an answer asks again, and is sent on.
                    self.inboxes().clear(node);
                    return Ok(true);
                }
                Err(TaskError::Store(StoreError::Stale { key, .. })) if key == successor.key => {
                    to = choose(&task.node, &self.look_around().await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Gives a node at rest to the conductor that asks for it. It comes back as any node that the ring gives to another
    /// one than its owner.
    pub(super) async fn do_give(&self, id: NodeId, to: &str) -> Result<(), RequestError> {
        if to == self.host() {
            return Ok(());
        }
        let task = self.task(id, "handing it over").await?;
        if !is_resting(&task.node) {
            return Err(RequestError::Conflict(format!(
                "Node {id} is worked on itself ({})",
                task.node.provision_state
            )));
        }
        let choose = |_: &Node, around: &Around| around.alive_named(to).map(successor);
        if self.give(task, &self.look_around().await?, choose).await? {
            return Ok(());
        }
        Err(RequestError::Busy {
            reason: format!("Conductor {to} is not seen to be alive here"),
            retry_after_s: RETRY_S,
        })
    }

    fn destination(&self, node: &Node, around: &Around, parting: Parting) -> Option<Successor> {
        let rings = parting.rings(around);
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        let seen = around.named(host.ok()?)?;
        (seen.record.hostname != self.host()).then(|| successor(seen))
    }
}

fn successor(seen: &Seen) -> Successor {
    Successor {
        owner: seen.record.hostname.clone(),
        incarnation: seen.record.incarnation,
        key: seen.key.clone(),
        revision: seen.revision,
        ahead: seen.ahead,
    }
}

fn is_resting(node: &Node) -> bool {
    let wishes_nothing = node.target_power_state.is_none() && node.wish.is_none();
    node.run.is_none() && wishes_nothing && node.reservation.is_none()
}

fn host_of<'r>(rings: &'r Rings, outline: &Outline) -> Option<&'r str> {
    let text = |name: &str| {
        let mut fields = outline.fields.iter();
        fields.find_map(|(field, value)| match value {
            FieldValue::Text(text) if *field == name => Some(text.as_str()),
            _ => None,
        })
    };
    let node = outline.key.id.parse().ok()?;
    let group = text("conductor_group").unwrap_or_default();
    rings.host(group, text("driver")?, node).ok()
}
