//! Creating, changing and deleting ports on request, under the lock of their node.

use super::Conductor;
use super::forward::Update;
use super::requests::{ATTACHED_VIF, RequestError};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Record, StoreError, Table, Transaction,
};

const PURPOSE: &str = "changing its ports";

impl Conductor {
    /// The node's ports, in the order in which they were made.
    pub(super) async fn ports_of(&self, node: NodeId) -> Result<Vec<Port>, StoreError> {
        let node = FieldValue::Text(node.to_string());
        let query = Query::all(Table::Port).filter("node_uuid", vec![node]);
        let page = self.store().page(&query).await?;
        page.records.iter().map(Record::decode).collect()
    }

    pub(super) async fn do_create_port(&self, port: Port) -> Result<Port, RequestError> {
        let mut task = self.task(port.node_uuid, PURPOSE).await?;
        if self.store().get(&port.key()).await?.is_some() {
            return Err(RequestError::Conflict(format!(
                "A port with UUID {} already exists.",
                port.uuid
            )));
        }
        let group = self.check_new_member(&port).await?;
        let change = task.change().beside(|transaction| {
            let transaction = transaction.expect(Expectation::Absent(port.key()));
            with_group(transaction.put(&port), group.as_ref())
        });
        task.save(change).await?;
        Ok(port)
    }

    pub(super) async fn do_update_port(&self, update: Update<Port>) -> Result<Port, RequestError> {
        let expected = Expectation::Revision(update.before.key(), update.revision());
        let (before, mut new) = (update.before, update.new);
        let mut moving = self
            .moving(before.node_uuid, new.node_uuid, PURPOSE)
            .await?;
        let group = self.check_member(&before, &new, moving.to()).await?;
        new.updated_at = Some(self.now());
        let expected = [expected].into_iter().chain(moving.expected());
        let change = moving.task.change().beside(|transaction| {
            let transaction = expected.fold(transaction, Transaction::expect);
            with_group(transaction.put(&new), group.as_ref())
        });
        moving.task.save(change).await?;
        Ok(new)
    }

    pub(super) async fn do_destroy_port(&self, id: PortId) -> Result<(), RequestError> {
        let key = Key::new(Table::Port, id);
        let missing = || RequestError::NotFound(format!("Port {id} could not be found."));
        let record = self.store().get(&key).await?.ok_or_else(missing)?;
        let port: Port = record.decode()?;
        let holder = self.holder(Some(port.node_uuid), PURPOSE).await?;
        // What is attached to it may have changed before the lock was ours.
        let record = self.store().get(&key).await?.ok_or_else(missing)?;
        let port: Port = record.decode()?;
        let vif = port.internal_info.get(ATTACHED_VIF);
        let in_use = holder.node().is_some_and(|node| !node.maintenance);
        if in_use && vif.is_some_and(|vif| !vif.is_null()) {
            return Err(RequestError::Conflict(format!(
                "Cannot delete the port {id} of node {}: a virtual interface is attached to it; detach it, or set the node to maintenance first",
                port.node_uuid
            )));
        }
        let expected = Expectation::Revision(key.clone(), record.revision);
        let gone = Transaction::new().expect(expected).delete(key);
        Ok(holder.commit(self, gone).await?)
    }
}

/// A group that changes with its port does so in the same commit.
fn with_group(transaction: Transaction, group: Option<&Portgroup>) -> Transaction {
    match group {
        Some(group) => transaction.put(group),
        None => transaction,
    }
}
