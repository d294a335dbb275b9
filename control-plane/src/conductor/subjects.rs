//! What a request is about: a node or port as it is stored, or a node with its lock; and the refusal where that cannot be
//! had.

use super::Conductor;
use super::node_task::{NodeTask, TaskError};
use super::requests::RequestError;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::{Key, Table};

impl Conductor {
    pub(super) async fn node(&self, id: NodeId) -> Result<Node, RequestError> {
        let record = self.store().get(&Key::new(Table::Node, id)).await?;
        let record = record
            .ok_or_else(|| RequestError::NotFound(format!("Node {id} could not be found.")))?;
        Ok(record.decode()?)
    }

    pub(super) async fn port(&self, id: PortId) -> Result<Port, RequestError> {
        let record = self.store().get(&Key::new(Table::Port, id)).await?;
        let record = record
            .ok_or_else(|| RequestError::NotFound(format!("Port {id} could not be found.")))?;
        Ok(record.decode()?)
    }

    /// The node with its lock, for a request: a second asker waits a little and is then told who holds it.
    pub(super) async fn task(
        &self,
        id: NodeId,
        purpose: &'static str,
    ) -> Result<NodeTask, RequestError> {
        let limit = crate::config::seconds(self.settings().conductor.node_lock_wait_s);
        let lock = self.locks().wait_for(id, purpose, limit).await;
        let lock = lock.map_err(|held| self.locked(id, held.purpose))?;
        let mut task = NodeTask::load(self, lock).await?;
        task.drain().await?;
        Ok(task)
    }

    /// The refusal of what must not meet what is going on at the node. In Ironic's words, with what that is.
    pub(super) fn locked(&self, node: NodeId, purpose: &str) -> RequestError {
        RequestError::Conflict(format!(
            "Node {node} is locked by host {} ({purpose}), please retry after the current operation is completed.",
            self.host(),
        ))
    }
}

impl From<TaskError> for RequestError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Gone(id) => Self::NotFound(format!("Node {id} could not be found.")),
            TaskError::Illegal(illegal) => Self::Invalid(illegal.to_string()),
            TaskError::Store(error) => error.into(),
            TaskError::NotOurs(_) | TaskError::Unsure(_) => Self::Busy {
                reason: error.to_string(),
                retry_after_s: 10,
            },
        }
    }
}
