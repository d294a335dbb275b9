//! Documents that are stored, changed and deleted on request and that no run reads: port groups, volume connectors and
//! targets, and chassis. What hangs on a node is written under its lock, by its owner; a chassis is nobody's.

mod chassis;
mod members;
mod portgroups;
mod rules;
mod volumes;
mod writing;

pub(super) use members::NotMember;

use super::Conductor;
use super::forward::{NodeCall, Update};
use super::requests::RequestError;
use ferric_model::chassis::Chassis;
use ferric_model::ids::NodeId;
use ferric_model::portgroup::Portgroup;
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::{Entity, Record, Table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The tables of what hangs on a node, and goes with it.
pub(super) const ON_A_NODE: [Table; 4] = [
    Table::Port,
    Table::Portgroup,
    Table::VolumeConnector,
    Table::VolumeTarget,
];

/// One of them, as one conductor hands it to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "document", rename_all = "snake_case")]
pub enum PlainDocument {
    Portgroup(Portgroup),
    Chassis(Chassis),
    VolumeConnector(VolumeConnector),
    VolumeTarget(VolumeTarget),
}

/// What the kinds have in common.
pub trait Plain: Entity + Clone + PartialEq + 'static {
    /// What it is called in sentences.
    const NOUN: &'static str;
    /// The node that it hangs on.
    fn node(&self) -> Option<NodeId>;
    fn touch(&mut self, at: Timestamp);
    fn wrap(self) -> PlainDocument;
    fn unwrap(document: PlainDocument) -> Option<Self>;
    /// That the value of a field that is unique is another one's.
    fn taken(&self, field: &str) -> String;
}

impl Conductor {
    /// Stores a new one.
    ///
    /// # Errors
    /// Conflict when its UUID, or what is unique in it, is taken, or when its node is locked.
    pub async fn create_plain<P: Plain>(&self, plain: P) -> Result<P, RequestError> {
        let node = plain.node();
        let document = plain.wrap();
        unwrapped(match node {
            Some(node) => {
                let document = Box::new(document);
                let call = NodeCall::CreatePlain { node, document };
                self.at_owner(call).await?.document()?
            }
            None => {
                let this = self.clone();
                self.tracked(async move { this.do_create_plain(document).await })
                    .await?
            }
        })
    }

    /// Stores a changed one, if it still stands as in `old`.
    ///
    /// # Errors
    /// Conflict when somebody was faster, when what is unique in it is taken, or when its node is locked; Invalid and
    /// Conflict where the state of the node or its ports does not allow the change.
    pub async fn update_plain<P: Plain>(&self, old: &Record, new: P) -> Result<P, RequestError> {
        let before: P = old.decode()?;
        let node = before.node();
        let update = Update::from_revision(before.wrap(), old.revision, new.wrap());
        unwrapped(match node {
            Some(node) => {
                let update = Box::new(update);
                let call = NodeCall::UpdatePlain { node, update };
                self.at_owner(call).await?.document()?
            }
            None => {
                let this = self.clone();
                self.tracked(async move { this.do_update_plain(update).await })
                    .await?
            }
        })
    }

    /// Deletes it.
    ///
    /// # Errors
    /// `NotFound` when it is gone already; Invalid while something needs it; Conflict when its node is locked.
    pub async fn destroy_plain<P: Plain>(&self, plain: P) -> Result<(), RequestError> {
        let node = plain.node();
        let document = plain.wrap();
        if let Some(node) = node {
            let document = Box::new(document);
            let call = NodeCall::DestroyPlain { node, document };
            return self.at_owner(call).await?.nothing();
        }
        let this = self.clone();
        self.tracked(async move { this.do_destroy_plain(document).await })
            .await
    }
}

fn unwrapped<P: Plain>(document: PlainDocument) -> Result<P, RequestError> {
    P::unwrap(document).ok_or_else(|| {
        let problem = "it answers with a document of another kind";
        RequestError::internal("reading the answer of the node's conductor", problem)
    })
}
