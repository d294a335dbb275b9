//! Records of another installation (an Ironic, or a Ferric), stored as they are: with their UUIDs, their states and their
//! times. No machine is asked or told anything, and no work begins.
//!
//! A record that is there already is compared and left alone, so that an import that broke off can be done again.
//! Whatever is written to a node that is there, or hung on it, is written by its owner.

mod likeness;
mod nodes;
mod on_node;
mod transition;

pub use nodes::NodeImport;
pub use on_node::OnNode;
pub use transition::InTransition;

use super::Conductor;
use super::requests::RequestError;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::chassis::Chassis;
use ferric_model::inspection_rule::InspectionRule;
use ferric_model::recipe::{DeployTemplate, Runbook};
use ferric_store::{Entity, Expectation, Key, StoreError, Transaction};
use serde::{Deserialize, Serialize};

/// How often a record is begun again because something was written in between.
const ATTEMPTS: u32 = 5;

/// A record to import. The allocation of a node comes with the node: neither is stored without the other.
pub enum Import {
    Chassis(Chassis),
    Node(Box<NodeImport>),
    OnNode(OnNode),
    /// One that has no node.
    Allocation(Allocation),
    DeployTemplate(DeployTemplate),
    Runbook(Runbook),
    InspectionRule(InspectionRule),
}

/// What became of a record that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Imported {
    Created,
    /// It stands there as it came, or has only gone on since.
    Present,
    /// It was imported without its secrets, and has them now.
    Completed,
}

impl Imported {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Present => "present",
            Self::Completed => "completed",
        }
    }
}

impl Conductor {
    /// Stores the record as it is, unless it is there.
    ///
    /// # Errors
    /// Conflict when another record stands under its UUID, or has what is unique in it, and for what is on its way
    /// somewhere; `NotFound` when what it hangs on is not there; Invalid for a node that no conductor could work on.
    pub async fn import(
        &self,
        record: Import,
        in_transition: InTransition,
    ) -> Result<Imported, RequestError> {
        let this = self.clone();
        self.tracked(async move { Box::pin(this.do_import(record, in_transition)).await })
            .await
    }

    async fn do_import(
        &self,
        record: Import,
        in_transition: InTransition,
    ) -> Result<Imported, RequestError> {
        match record {
            Import::Node(node) => self.import_node(*node, in_transition).await,
            Import::OnNode(record) => self.import_on_node(record).await,
            Import::Chassis(chassis) => self.place(&chassis).await,
            Import::Allocation(allocation) => {
                let allocation = self.without_node(allocation, in_transition)?;
                self.place(&allocation).await
            }
            Import::DeployTemplate(template) => self.place(&template).await,
            Import::Runbook(runbook) => self.place(&runbook).await,
            Import::InspectionRule(rule) => self.place(&rule).await,
        }
    }

    /// Stores what hangs on nothing.
    async fn place<E: Entity>(&self, new: &E) -> Result<Imported, RequestError> {
        for _ in 0..ATTEMPTS {
            if self.is_here(new).await? {
                return Ok(Imported::Present);
            }
            let transaction = Transaction::new().expect(Expectation::Absent(new.key()));
            match self.store().commit(transaction.put(new)).await {
                Ok(_) => return Ok(Imported::Created),
                // Somebody else imports the same.
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(restless(&new.key()))
    }

    /// An allocation that ended without a node. One that looks for a node would take one as soon as it is here.
    fn without_node(
        &self,
        allocation: Allocation,
        in_transition: InTransition,
    ) -> Result<Allocation, RequestError> {
        let id = allocation.uuid;
        if allocation.node_uuid.is_some() || allocation.state == AllocationState::Active {
            return Err(RequestError::Invalid(format!(
                "allocation {id} has a node: it must come in the record of that node"
            )));
        }
        let mut allocation = self.left_to_us(allocation);
        if allocation.state == AllocationState::Allocating {
            let text = format!("allocation {id} looks for a node");
            in_transition.refuse(&text, AllocationState::Error.name())?;
            allocation.state = AllocationState::Error;
            let error = "it was looking for a node where it was imported from, and found none here";
            allocation.last_error.get_or_insert(error.to_owned());
        }
        Ok(allocation)
    }

    fn left_to_us(&self, allocation: Allocation) -> Allocation {
        let worker = self.new_allocation(allocation.uuid).worker;
        Allocation {
            worker,
            ..allocation
        }
    }
}

fn restless(key: &Key) -> RequestError {
    RequestError::Conflict(format!(
        "{key}, or what it hangs on, changes all the time: import it again"
    ))
}
