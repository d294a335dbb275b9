//! Creating, changing and deleting ports on request, under the lock of their node.

use super::Conductor;
use super::forward::Update;
use super::node_task::NodeTask;
use super::requests::{ATTACHED_VIF, RequestError};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::{Node, Ownership};
use ferric_model::port::Port;
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Record, StoreError, Table, Transaction,
};

impl Conductor {
    /// The node's ports, in the order in which they were made.
    pub(super) async fn ports_of(&self, node: NodeId) -> Result<Vec<Port>, StoreError> {
        let node = FieldValue::Text(node.to_string());
        let query = Query::all(Table::Port).filter("node_uuid", vec![node]);
        let page = self.store().page(&query).await?;
        page.records.iter().map(Record::decode).collect()
    }

    pub(super) async fn do_create_port(&self, port: Port) -> Result<Port, RequestError> {
        let mut task = self.port_task(port.node_uuid).await?;
        if self.store().get(&port.key()).await?.is_some() {
            return Err(RequestError::Conflict(format!(
                "A port with UUID {} already exists.",
                port.uuid
            )));
        }
        let change = task.change().beside(|transaction| {
            transaction
                .expect(Expectation::Absent(port.key()))
                .put(&port)
        });
        task.save(change).await?;
        Ok(port)
    }

    pub(super) async fn do_update_port(&self, update: Update<Port>) -> Result<Port, RequestError> {
        let expected = Expectation::Revision(update.before.key(), update.revision());
        let (before, mut new) = (update.before, update.new);
        let (from, to) = (before.node_uuid, new.node_uuid);
        let elsewhere = self.unchanged_elsewhere(to).await?;
        let (mut task, _target) = match &elsewhere {
            Some(_) => (self.port_task(from).await?, None),
            None => self.port_tasks(from, to).await?,
        };
        new.updated_at = Some(self.now());
        let expected = [expected].into_iter().chain(elsewhere);
        let change = task
            .change()
            .beside(|transaction| expected.fold(transaction, Transaction::expect).put(&new));
        task.save(change).await?;
        Ok(new)
    }

    pub(super) async fn do_destroy_port(&self, id: PortId) -> Result<(), RequestError> {
        let key = Key::new(Table::Port, id);
        let missing = || RequestError::NotFound(format!("Port {id} could not be found."));
        let record = self.store().get(&key).await?.ok_or_else(missing)?;
        let port: Port = record.decode()?;
        let mut task = self.port_task(port.node_uuid).await?;
        // What is attached to it may have changed before the lock was ours.
        let record = self.store().get(&key).await?.ok_or_else(missing)?;
        let port: Port = record.decode()?;
        let vif = port.internal_info.get(ATTACHED_VIF);
        if vif.is_some_and(|vif| !vif.is_null()) && !task.node.maintenance {
            return Err(RequestError::Conflict(format!(
                "Cannot delete the port {id} of node {}: a virtual interface is attached to it; detach it, or set the node to maintenance first",
                port.node_uuid
            )));
        }
        let expected = Expectation::Revision(key.clone(), record.revision);
        let change = task
            .change()
            .beside(|transaction| transaction.expect(expected).delete(key));
        Ok(task.save(change).await?)
    }

    /// What must still be so of a node of another conductor when a port has moved to it: its lock is not to be had here.
    async fn unchanged_elsewhere(&self, to: NodeId) -> Result<Option<Expectation>, RequestError> {
        let key = Key::new(Table::Node, to);
        let Some(record) = self.store().get(&key).await? else {
            return Ok(None);
        };
        let node: Node = record.decode()?;
        let is_ours = |owner: &Ownership| owner.incarnation == self.incarnation();
        if node.ownership.as_ref().is_none_or(is_ours) {
            return Ok(None);
        }
        if let Some(held) = node.reservation {
            return Err(RequestError::Conflict(format!(
                "Node {to} is locked by host {} ({}), please retry after the current operation is completed.",
                held.conductor, held.purpose
            )));
        }
        Ok(Some(Expectation::Revision(key, record.revision)))
    }

    /// The node that a port is on, and the one that it moves to. They are locked in one order, so that two moves against
    /// each other do not wait for one another.
    async fn port_tasks(
        &self,
        from: NodeId,
        to: NodeId,
    ) -> Result<(NodeTask, Option<NodeTask>), RequestError> {
        if from == to {
            return Ok((self.port_task(from).await?, None));
        }
        let target = async || {
            self.port_task(to).await.map_err(|error| match error {
                RequestError::NotFound(text) => RequestError::Invalid(text),
                error => error,
            })
        };
        if from < to {
            let task = self.port_task(from).await?;
            return Ok((task, Some(target().await?)));
        }
        let target = target().await?;
        Ok((self.port_task(from).await?, Some(target)))
    }

    async fn port_task(&self, node: NodeId) -> Result<NodeTask, RequestError> {
        self.task(node, "changing its ports").await
    }
}
