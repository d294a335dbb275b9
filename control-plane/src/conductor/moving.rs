//! What hangs on a node (a port, a port group, a volume) changes under the node's lock, and under two when it moves.
//!
//! Nothing hangs on a node that is gone: whoever puts something onto a node expects it as it was read, and whoever deletes
//! one expects nothing on it but what goes along (`nodes`).

use super::Conductor;
use super::node_task::NodeTask;
use super::requests::RequestError;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Ownership};
use ferric_store::{Entity, Expectation, Key, Table};

/// The locks for a change of something that hangs on a node.
pub(super) struct Moving {
    /// The node that it hangs on.
    pub(super) task: NodeTask,
    target: Target,
}

/// The node that it hangs on afterwards.
enum Target {
    Same,
    /// Of this conductor too, and locked.
    Ours(Box<NodeTask>),
    /// Of another one: its lock is not to be had here, so it must not have changed.
    Elsewhere(Box<Node>, Expectation),
}

impl Moving {
    pub(super) fn from(&self) -> &Node {
        &self.task.node
    }

    /// The same one where nothing moves.
    pub(super) fn to(&self) -> &Node {
        match &self.target {
            Target::Same => &self.task.node,
            Target::Ours(task) => &task.node,
            Target::Elsewhere(node, _) => node,
        }
    }

    /// What must hold at the commit, beside what `task` expects. A lock is no proof that the node is there: another
    /// conductor may have taken it over and deleted it.
    pub(super) fn expected(&self) -> Option<Expectation> {
        match &self.target {
            Target::Same => None,
            Target::Ours(task) => Some(Expectation::Revision(task.node.key(), task.revision())),
            Target::Elsewhere(_, expectation) => Some(expectation.clone()),
        }
    }
}

impl Conductor {
    /// The node that something hangs on, and the one that it moves to. They are locked in one order, so that two moves
    /// against each other do not wait for one another.
    pub(super) async fn moving(
        &self,
        from: NodeId,
        to: NodeId,
        purpose: &'static str,
    ) -> Result<Moving, RequestError> {
        if from == to {
            let (task, target) = (self.task(from, purpose).await?, Target::Same);
            return Ok(Moving { task, target });
        }
        if let Some(target) = self.elsewhere(to).await? {
            let task = self.task(from, purpose).await?;
            return Ok(Moving { task, target });
        }
        let target = async || {
            let task = self.task(to, purpose).await.map_err(|error| match error {
                RequestError::NotFound(text) => RequestError::Invalid(text),
                error => error,
            })?;
            Ok::<_, RequestError>(Target::Ours(Box::new(task)))
        };
        if from < to {
            let task = self.task(from, purpose).await?;
            let target = target().await?;
            return Ok(Moving { task, target });
        }
        let target = target().await?;
        let task = self.task(from, purpose).await?;
        Ok(Moving { task, target })
    }

    async fn elsewhere(&self, to: NodeId) -> Result<Option<Target>, RequestError> {
        let key = Key::new(Table::Node, to);
        let Some(record) = self.store().get(&key).await? else {
            return Ok(None);
        };
        let node: Node = record.decode()?;
        let is_ours = |owner: &Ownership| owner.incarnation == self.incarnation();
        if node.ownership.as_ref().is_none_or(is_ours) {
            return Ok(None);
        }
        if let Some(held) = &node.reservation {
            return Err(RequestError::Conflict(format!(
                "Node {to} is locked by host {} ({}), please retry after the current operation is completed.",
                held.conductor, held.purpose
            )));
        }
        let expectation = Expectation::Revision(key, record.revision);
        Ok(Some(Target::Elsewhere(Box::new(node), expectation)))
    }
}
