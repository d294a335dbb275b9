//! Port groups: their ports are looked up by whose group they are, under the lock of the node that all of them are on.

use super::rules::{Changing, Ruled, Users};
use super::{Plain, PlainDocument};
use crate::conductor::Conductor;
use crate::conductor::requests::{ATTACHED_VIF, RequestError};
use ferric_model::ids::{NodeId, PortgroupId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::state::ProvisionState as State;
use ferric_store::{FieldValue, Query, Record, StoreError, Table, Transaction};
use jiff::Timestamp;

impl Plain for Portgroup {
    const NOUN: &'static str = "portgroup";

    fn node(&self) -> Option<NodeId> {
        Some(self.node_uuid)
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }

    fn wrap(self) -> PlainDocument {
        PlainDocument::Portgroup(self)
    }

    fn unwrap(document: PlainDocument) -> Option<Self> {
        match document {
            PlainDocument::Portgroup(group) => Some(group),
            _ => None,
        }
    }

    fn taken(&self, field: &str) -> String {
        match (field, &self.address, &self.name) {
            ("address", Some(address), _) => {
                format!("A portgroup with MAC address {address} already exists.")
            }
            (_, _, name) => {
                let name = name.as_deref().unwrap_or_default();
                format!("A portgroup with name {name} already exists.")
            }
        }
    }
}

impl Ruled for Portgroup {
    const USERS: Option<Users> = Some(Users {
        table: Table::Port,
        field: "portgroup_uuid",
        noun: "ports",
    });

    /// Its ports follow it into another physical network.
    async fn may_change(
        conductor: &Conductor,
        changing: Changing<'_, Self>,
        mut transaction: Transaction,
    ) -> Result<Transaction, RequestError> {
        let (before, new) = (changing.before, changing.new);
        let ports = conductor.ports_in(before.uuid).await?;
        if let Some((from, to)) = changing.nodes.filter(|(from, to)| from.uuid != to.uuid) {
            check_move(new, [from, to], &ports)?;
            transaction = before
                .unused()
                .into_iter()
                .fold(transaction, Transaction::expect);
        }
        if before.standalone_ports_supported && !new.standalone_ports_supported {
            check_bonded_only(new, changing.nodes.map(|(_, to)| to), &ports)?;
        }
        if before.physical_network == new.physical_network {
            return Ok(transaction);
        }
        let moved = ports.into_iter().map(|port| Port {
            physical_network: new.physical_network.clone(),
            updated_at: Some(conductor.now()),
            ..port
        });
        Ok(moved.fold(transaction, |transaction, port| transaction.put(&port)))
    }
}

impl Conductor {
    /// The ports of a group, in the order in which they were made.
    pub(super) async fn ports_in(&self, group: PortgroupId) -> Result<Vec<Port>, StoreError> {
        let group = FieldValue::Text(group.to_string());
        let query = Query::all(Table::Port).filter("portgroup_uuid", vec![group]);
        let page = self.store().page(&query).await?;
        page.records.iter().map(Record::decode).collect()
    }
}

/// Whether what the network of a machine is made of may change.
fn is_open(node: &Node) -> bool {
    node.maintenance
        || matches!(
            node.provision_state,
            State::Enroll | State::Inspecting | State::InspectWait | State::Manageable
        )
}

fn check_move(group: &Portgroup, nodes: [&Node; 2], ports: &[Port]) -> Result<(), RequestError> {
    if let Some(node) = nodes.into_iter().find(|node| !is_open(node)) {
        return Err(RequestError::Conflict(format!(
            "Portgroup {} cannot be moved while node {} is in the state {}: it must be in enroll, inspecting, inspect wait, manageable, or in maintenance",
            group.uuid, node.uuid, node.provision_state
        )));
    }
    if !ports.is_empty() {
        return Err(RequestError::Invalid(format!(
            "Portgroup {} cannot be moved to another node because it contains ports.",
            group.uuid
        )));
    }
    Ok(())
}

/// The noop network does not care what its ports are used for.
fn check_bonded_only(
    group: &Portgroup,
    node: Option<&Node>,
    ports: &[Port],
) -> Result<(), RequestError> {
    if node.is_some_and(|node| node.interface("network") == Some("noop")) {
        return Ok(());
    }
    let Some(port) = ports.iter().find(|port| stands_alone(port)) else {
        return Ok(());
    };
    Err(RequestError::Conflict(format!(
        "standalone_ports_supported of portgroup {} cannot be false: its port {} has pxe_enabled set or a virtual interface attached",
        group.uuid, port.uuid
    )))
}

/// Whether it is used by itself.
pub(super) fn stands_alone(port: &Port) -> bool {
    port.pxe_enabled || has_vif(port)
}

pub(super) fn has_vif(port: &Port) -> bool {
    let vif = port.internal_info.get(ATTACHED_VIF);
    vif.is_some_and(|vif| !vif.is_null())
}
