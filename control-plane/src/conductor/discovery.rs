//! Machines that no node stands for: where `auto_discovery` is on, what a ramdisk found on one makes a node in `enroll`, by
//! the hooks and rules of every inspection. It is stored whole, in one commit, or not at all.

use super::Conductor;
use super::inspection::{self, Context, rules};
use super::machines::unknown;
use super::messages::{Asker, answer};
use super::requests::{InspectionRequest, LookupAnswer, RequestError};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::inspection_rule::Subject;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::{Node, Object};
use ferric_store::Transaction;
use serde_json::Value;
use std::collections::BTreeSet;

const PURPOSE: &str = "answering the machine that was discovered";
/// In `plugin_data`, where Ironic says it, and its inspector did before.
const DISCOVERED: &str = "auto_discovered";

impl Conductor {
    /// Enrols a machine that nobody knows, and tells its ramdisk who it is. `NotFound` where that is off; `Invalid`: what was
    /// found is of no use, or a rule refuses the machine; `Conflict`: somebody else was faster.
    pub(super) async fn discover(
        &self,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        let Some(driver) = self.settings().auto_discovery.clone() else {
            return Err(unknown());
        };
        let this = self.clone();
        self.tracked(async move { this.do_discover(&driver, request).await })
            .await
    }

    async fn do_discover(
        &self,
        driver: &str,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        let asker = Asker {
            extensions: request.extensions,
            token: request.token,
            from: request.from,
        };
        let addresses = inspection::addresses(&request.data);
        let id = match self.enrol_found(driver, request.data).await {
            Err(RequestError::Conflict(cause)) => {
                return Err(self.outrun(&addresses, cause).await);
            }
            enrolled => enrolled?,
        };
        let mut task = self.task(id, PURPOSE).await?;
        let told = answer(&mut task, asker).await?;
        self.hand_over(task);
        Ok(told)
    }

    async fn enrol_found(&self, driver: &str, mut data: Object) -> Result<NodeId, RequestError> {
        let (id, now) = (NodeId(self.new_id()), self.now());
        let mut node = Node::new(id, driver, now);
        // The machine has reached this conductor, so one of its group can reach the machine.
        node.conductor_group
            .clone_from(&self.settings().conductor_group);
        node.interfaces = self.resolved(&node).map_err(|error| {
            RequestError::internal("enrolling a machine with auto_discovery.driver", error)
        })?;
        data.insert(DISCOVERED.to_owned(), Value::Bool(true));
        let read = {
            let context = Context {
                settings: &self.settings().inspection,
                // Nobody has its addresses, or it would not be unknown.
                taken: &BTreeSet::new(),
                previous: None,
                new_id: &|| self.new_id(),
                now,
            };
            inspection::read(context, &node, &[], data)
        };
        let found = read.map_err(|error| refused(&error.to_string()))?;
        let ruled = rules::run(self, found.subject).await?;
        let (subject, applied) = ruled.map_err(|problem| refused(&problem))?;
        let Subject {
            node,
            ports,
            inventory,
            plugin_data,
        } = subject;
        let inventory = StoredInventory {
            node: id,
            taken_at: now,
            inventory,
            plugin_data,
        };
        let summary = found.summary;
        let notes = found.notes.into_iter().map(|text| What::Note { text });
        let whats = [discovered(driver), What::Inspected { summary }];
        let whats = whats.into_iter().chain(notes).chain(rules::told(&applied));
        let events: Vec<_> = whats.map(|what| self.event_of(id, what)).collect();
        let node = self.enrol_beside(node, &ports, None, |transaction| {
            let events = events.into_iter();
            events.fold(transaction.put(&inventory), Transaction::event)
        });
        Ok(node.await?.uuid)
    }

    /// Why nothing is enrolled for a machine that was unknown a moment ago.
    async fn outrun(&self, addresses: &[MacAddress], cause: String) -> RequestError {
        let owners = match self.owners(addresses).await {
            Ok(owners) => owners,
            Err(error) => return error,
        };
        let problem = match owners.first() {
            Some(node) => format!(
                "node {node} was enrolled meanwhile with a MAC address of this machine; manage that node and inspect it to \
                 have what is found taken"
            ),
            None => cause,
        };
        RequestError::Conflict(not_enrolled(&problem))
    }

    fn event_of(&self, node: NodeId, what: What) -> TimelineEvent {
        TimelineEvent {
            id: self.new_id(),
            node,
            at: self.now(),
            conductor: self.host().to_owned(),
            run: None,
            bulk: None,
            what,
        }
    }
}

fn discovered(driver: &str) -> What {
    let text = format!("enrolled with the driver {driver}, as its ramdisk came and nobody knew it");
    What::Note { text }
}

fn refused(problem: &str) -> RequestError {
    RequestError::Invalid(not_enrolled(problem))
}

/// The machine is told why, but nobody reads that: so it is logged.
fn not_enrolled(problem: &str) -> String {
    tracing::warn!(problem, "a machine that no node stands for is not enrolled");
    format!("the machine is not enrolled: {problem}")
}
