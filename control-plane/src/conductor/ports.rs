//! Creating, changing and deleting ports on request, under the lock of their node.

use super::Conductor;
use super::node_task::NodeTask;
use super::requests::RequestError;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::port::Port;
use ferric_store::{Entity, Expectation, Key, Record, Table};

impl Conductor {
    pub(super) async fn do_create_port(&self, port: Port) -> Result<Port, RequestError> {
        let mut task = self.port_task(port.node_uuid).await?;
        let change = task.change().beside(|transaction| {
            transaction
                .expect(Expectation::Absent(port.key()))
                .put(&port)
        });
        task.save(change).await?;
        Ok(port)
    }

    pub(super) async fn do_update_port(
        &self,
        old: &Record,
        mut new: Port,
    ) -> Result<Port, RequestError> {
        let before: Port = old.decode()?;
        let mut task = self.port_task(before.node_uuid).await?;
        if new.node_uuid != before.node_uuid
            && self
                .store()
                .get(&Key::new(Table::Node, new.node_uuid))
                .await?
                .is_none()
        {
            return Err(RequestError::Invalid(format!(
                "Node {} could not be found.",
                new.node_uuid
            )));
        }
        new.updated_at = Some(self.now());
        let expected = Expectation::Revision(old.key.clone(), old.revision);
        let change = task
            .change()
            .beside(|transaction| transaction.expect(expected).put(&new));
        task.save(change).await?;
        Ok(new)
    }

    pub(super) async fn do_destroy_port(&self, id: PortId) -> Result<(), RequestError> {
        let key = Key::new(Table::Port, id);
        let missing = || RequestError::NotFound(format!("Port {id} could not be found."));
        let record = self.store().get(&key).await?.ok_or_else(missing)?;
        let port: Port = record.decode()?;
        let mut task = self.port_task(port.node_uuid).await?;
        if task.node.instance_uuid.is_some() && !task.node.maintenance {
            return Err(RequestError::Conflict(format!(
                "Port {id} belongs to node {} with an instance: set the node to maintenance first",
                port.node_uuid
            )));
        }
        let change = task.change().beside(|transaction| transaction.delete(key));
        Ok(task.save(change).await?)
    }

    async fn port_task(&self, node: NodeId) -> Result<NodeTask, RequestError> {
        self.task(node, "changing its ports").await
    }
}
