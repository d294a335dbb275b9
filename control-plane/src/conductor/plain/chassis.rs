//! Chassis: nodes name them, and no lock covers both. A node that is put into one expects it to stand at its commit, and
//! the commit that deletes one expects that no node names it.

use super::rules::{Changing, Ruled, Users};
use super::{Plain, PlainDocument};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::chassis::Chassis;
use ferric_model::ids::{ChassisId, NodeId};
use ferric_model::node::Node;
use ferric_store::{Expectation, Key, Table, Transaction};
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
    const USERS: Option<Users> = Some(Users {
        table: Table::Node,
        field: "chassis_uuid",
        noun: "nodes",
    });

    async fn may_change(
        _conductor: &Conductor,
        _changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError> {
        Ok(transaction)
    }
}

impl Conductor {
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
