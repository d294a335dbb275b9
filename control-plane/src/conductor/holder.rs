//! What hangs on a node is deleted under the node's lock; alone where its node is gone. A conductor of an older version
//! deletes nodes without what it does not know of, and nobody else would ever take that away.

use super::Conductor;
use super::node_task::{NodeTask, TaskError};
use super::requests::RequestError;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{Expectation, Key, Table, Transaction};

/// What something hangs on.
pub(super) enum Holder {
    Locked(Box<NodeTask>),
    /// On no node, or on one that is gone and must still be at the commit.
    Nothing(Option<Expectation>),
}

impl Conductor {
    pub(super) async fn holder(
        &self,
        node: Option<NodeId>,
        purpose: &'static str,
    ) -> Result<Holder, RequestError> {
        let Some(id) = node else {
            return Ok(Holder::Nothing(None));
        };
        match self.task(id, purpose).await {
            Ok(task) => Ok(Holder::Locked(Box::new(task))),
            Err(RequestError::NotFound(_)) => {
                let absent = Expectation::Absent(Key::new(Table::Node, id));
                Ok(Holder::Nothing(Some(absent)))
            }
            Err(error) => Err(error),
        }
    }
}

impl Holder {
    pub(super) fn node(&self) -> Option<&Node> {
        match self {
            Self::Locked(task) => Some(&task.node),
            Self::Nothing(_) => None,
        }
    }

    /// Commits what becomes of the thing, if nothing has become of its node meanwhile.
    pub(super) async fn commit(
        self,
        conductor: &Conductor,
        transaction: Transaction,
    ) -> Result<(), TaskError> {
        match self {
            Self::Locked(mut task) => {
                let change = task.change().beside(|_| transaction);
                task.save(change).await
            }
            Self::Nothing(gone) => {
                let transaction = gone.into_iter().fold(transaction, Transaction::expect);
                conductor.store().commit(transaction).await?;
                Ok(())
            }
        }
    }
}
