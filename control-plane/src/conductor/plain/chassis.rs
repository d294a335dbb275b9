//! Chassis: nodes name them, and no lock covers both. A node that names one expects it to stand at its commit; whoever
//! deletes one looks for nodes afterwards too, and puts it back if one was faster.

use super::rules::{Changing, Ruled};
use super::{Plain, PlainDocument};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::chassis::Chassis;
use ferric_model::ids::{ChassisId, NodeId};
use ferric_model::node::Node;
use ferric_store::{Entity, Expectation, FieldValue, Key, Query, StoreError, Table, Transaction};
use jiff::Timestamp;

impl Plain for Chassis {
    const NOUN: &'static str = "chassis";

    fn node(&self) -> Option<NodeId> {
        None
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }

    fn wrap(self) -> PlainDocument {
        PlainDocument::Chassis(self)
    }

    fn unwrap(document: PlainDocument) -> Option<Self> {
        match document {
            PlainDocument::Chassis(chassis) => Some(chassis),
            _ => None,
        }
    }

    fn taken(&self, field: &str) -> String {
        format!("{field} of chassis {} is taken.", self.uuid)
    }
}

impl Ruled for Chassis {
    async fn may_change(
        _conductor: &Conductor,
        _changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError> {
        Ok(transaction)
    }

    async fn may_go(
        &self,
        conductor: &Conductor,
        _node: Option<&Node>,
    ) -> Result<(), RequestError> {
        if conductor.has_nodes(self.uuid).await? {
            return Err(RequestError::Invalid(format!(
                "Cannot complete the requested action because chassis {} contains nodes.",
                self.uuid
            )));
        }
        Ok(())
    }
}

impl Conductor {
    pub(super) async fn destroy_chassis(&self, chassis: Chassis) -> Result<(), RequestError> {
        let (chassis, record) = self.still_there(&chassis).await?;
        chassis.may_go(self, None).await?;
        let expected = Expectation::Revision(record.key.clone(), record.revision);
        let transaction = Transaction::new().expect(expected).delete(record.key);
        self.store().commit(transaction).await?;
        let Err(refused) = chassis.may_go(self, None).await else {
            return Ok(());
        };
        let absent = Expectation::Absent(chassis.key());
        let transaction = Transaction::new().expect(absent).put(&chassis);
        self.store().commit(transaction).await?;
        Err(refused)
    }

    async fn has_nodes(&self, chassis: ChassisId) -> Result<bool, StoreError> {
        let chassis = FieldValue::Text(chassis.to_string());
        let mut query = Query::all(Table::Node).filter("chassis_uuid", vec![chassis]);
        query.limit = 1;
        Ok(!self.store().outlines(&query).await?.is_empty())
    }

    /// What must hold at the commit of a node that is put into a chassis; 400 when there is no such chassis.
    pub(in crate::conductor) async fn chassis_stands(
        &self,
        node: &Node,
    ) -> Result<Option<Expectation>, RequestError> {
        let Some(id) = node.chassis_uuid.map(ChassisId) else {
            return Ok(None);
        };
        let key = Key::new(Table::Chassis, id);
        let record = self.store().get(&key).await?;
        let record = record
            .ok_or_else(|| RequestError::Invalid(format!("Chassis {id} could not be found.")))?;
        Ok(Some(Expectation::Revision(key, record.revision)))
    }
}
