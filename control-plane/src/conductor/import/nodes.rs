//! Importing a node, with its allocation and without the secrets that its source did not show.

use super::on_node::refuse_busy;
use super::{ATTEMPTS, Import, Imported, InTransition, likeness, transition};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::Epoch;
use ferric_model::node::{Node, Object, Ownership};
use ferric_store::{Entity, Expectation, Record, StoreError, Table, Transaction};

/// How the reason begins why a node without its secrets is in maintenance.
const WITHOUT: &str = "imported without ";

/// A node as another installation shows it.
pub struct NodeImport {
    pub node: Node,
    /// Its allocation, exactly if it has one.
    pub allocation: Option<Allocation>,
    /// The secrets that it lacks: `driver_info/redfish_password`, or deeper.
    pub missing: Vec<String>,
}

impl From<NodeImport> for Import {
    fn from(import: NodeImport) -> Self {
        Self::Node(Box::new(import))
    }
}

impl Conductor {
    pub(super) async fn import_node(
        &self,
        import: NodeImport,
        in_transition: InTransition,
    ) -> Result<Imported, RequestError> {
        let missing = import.missing;
        let mut node = transition::at_rest(import.node, in_transition)?;
        node.interfaces = self.resolved(&node)?;
        self.check_served(&node).await?;
        let node = held_back(node, &missing);
        let allocation = import
            .allocation
            .map(|allocation| self.left_to_us(allocation));
        check_pair(&node, allocation.as_ref())?;
        for _ in 0..ATTEMPTS {
            if let Some(record) = self.store().get(&node.key()).await? {
                let pair = (&node, allocation.as_ref());
                return self.compared(&record, pair, &missing).await;
            }
            let transaction = self.import_of(&node, allocation.as_ref()).await?;
            match self.store().commit(transaction).await {
                Ok(_) => return Ok(Imported::Created),
                // Its chassis was written, or somebody else imports the same.
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RequestError::Conflict(format!(
            "the chassis of node {} changes all the time, or its allocation is here without it: see to that and import it again",
            node.uuid
        )))
    }

    async fn check_served(&self, node: &Node) -> Result<(), RequestError> {
        if self.is_served(node).await? {
            return Ok(());
        }
        let (driver, group) = (&node.driver, &node.conductor_group);
        Err(RequestError::Invalid(format!(
            "no conductor serves the driver {driver} in the conductor group {group:?}: enable it, and import the node again"
        )))
    }

    /// As a new node: it is ours until the ring gives it to another one.
    async fn import_of(
        &self,
        node: &Node,
        allocation: Option<&Allocation>,
    ) -> Result<Transaction, RequestError> {
        let node = Node {
            ownership: Some(Ownership {
                conductor: self.host().to_owned(),
                incarnation: self.incarnation(),
                epoch: Epoch(1),
            }),
            ..node.clone()
        };
        let state = node.provision_state.name();
        let event = TimelineEvent {
            id: self.new_id(),
            node: node.uuid,
            at: self.now(),
            conductor: self.host().to_owned(),
            run: None,
            bulk: None,
            what: What::Note {
                text: format!("imported as it is, in {state:?}"),
            },
        };
        let chassis = self.chassis_stands(&node).await?;
        let transaction = [Expectation::Absent(node.key())]
            .into_iter()
            .chain(chassis)
            .fold(Transaction::new(), Transaction::expect)
            .put(&node)
            .event(event);
        Ok(match allocation {
            Some(allocation) => transaction
                .expect(Expectation::Absent(allocation.key()))
                .put(allocation),
            None => transaction,
        })
    }

    /// The node is here: nothing is written, unless it lacked secrets that have come now.
    async fn compared(
        &self,
        record: &Record,
        (node, allocation): (&Node, Option<&Allocation>),
        missing: &[String],
    ) -> Result<Imported, RequestError> {
        let stored: Node = record.decode()?;
        if let Some(allocation) = allocation {
            let found = self.store().get(&allocation.key()).await?;
            if let Some(found) = found {
                likeness::check(&found.decode::<Allocation>()?, allocation)?;
            }
        }
        let lacked = is_held_back(&stored);
        let completed = lacked.then(|| completed(&stored, node)).flatten();
        let mut seen = completed.clone().unwrap_or_else(|| stored.clone());
        for path in missing {
            forget(&mut seen, path);
        }
        if lacked || !missing.is_empty() || stored.fault.is_some() {
            seen.maintenance = node.maintenance;
            seen.maintenance_reason.clone_from(&node.maintenance_reason);
        }
        let differing = likeness::of_nodes(&seen, node)?;
        likeness::refuse(&Table::Node, &node.uuid.to_string(), &differing)?;
        match completed.filter(|completed| *completed != stored) {
            Some(completed) => {
                refuse_busy(&stored)?;
                self.update_node(record, completed).await?;
                Ok(Imported::Completed)
            }
            None => Ok(Imported::Present),
        }
    }
}

/// In maintenance until somebody gives it what it lacks: without its secrets its BMC would be asked in vain.
fn held_back(mut node: Node, missing: &[String]) -> Node {
    if missing.is_empty() {
        return node;
    }
    let before = match (node.maintenance, node.maintenance_reason.take()) {
        (true, Some(reason)) => format!("; it was in maintenance before: {reason}"),
        (true, None) => "; it was in maintenance before".to_owned(),
        (false, _) => String::new(),
    };
    node.maintenance = true;
    node.maintenance_reason = Some(format!("{WITHOUT}{}{before}", missing.join(", ")));
    node
}

fn is_held_back(node: &Node) -> bool {
    let reason = node.maintenance_reason.as_deref();
    node.maintenance && reason.is_some_and(|reason| reason.starts_with(WITHOUT))
}

/// The stored node with what it lacked; `None` when that is not all in which it differs from the record.
fn completed(stored: &Node, node: &Node) -> Option<Node> {
    let is_more = likeness::is_part(&stored.driver_info, &node.driver_info)
        && likeness::is_part(&stored.instance_info, &node.instance_info);
    is_more.then(|| Node {
        driver_info: node.driver_info.clone(),
        instance_info: node.instance_info.clone(),
        maintenance: node.maintenance,
        maintenance_reason: node.maintenance_reason.clone(),
        ..stored.clone()
    })
}

/// Leaves out what the record could not tell.
fn forget(node: &mut Node, path: &str) {
    let mut parts = path.split('/');
    let mut object: Option<&mut Object> = match parts.next() {
        Some("driver_info") => Some(&mut node.driver_info),
        Some("instance_info") => Some(&mut node.instance_info),
        _ => None,
    };
    let mut parts = parts.peekable();
    while let (Some(part), Some(inner)) = (parts.next(), object.take()) {
        if parts.peek().is_none() {
            inner.shift_remove(part);
        } else {
            object = inner
                .get_mut(part)
                .and_then(serde_json::Value::as_object_mut);
        }
    }
}

/// A node has an allocation exactly if that allocation has the node.
fn check_pair(node: &Node, allocation: Option<&Allocation>) -> Result<(), RequestError> {
    let id = node.uuid;
    match (node.allocation_uuid, allocation) {
        (None, None) => Ok(()),
        (Some(uuid), Some(allocation))
            if allocation.uuid.0 == uuid
                && allocation.node_uuid == Some(id)
                && allocation.state == AllocationState::Active =>
        {
            Ok(())
        }
        (Some(uuid), None) => Err(RequestError::Invalid(format!(
            "node {id} has the allocation {uuid}, which must come in its record"
        ))),
        (_, Some(allocation)) => Err(RequestError::Invalid(format!(
            "allocation {} came with node {id} but is not its active allocation",
            allocation.uuid
        ))),
    }
}
