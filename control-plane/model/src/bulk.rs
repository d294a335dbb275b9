//! Bulk requests: one action on many nodes, each an item with a result of its own. An item is stored before its client
//! is answered, and is what says whether it has been carried out.
//!
//! What an item asks for is forgotten when it has begun: it may hold a password or a config drive.

use crate::allocation::Worker;
use crate::ids::{BulkRequestId, NodeId, RunId};
use crate::named::named;
use crate::node::Node;
use crate::port::Port;
use crate::verb::Verb;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

named!(
    /// What is done to each node of a request.
    BulkAction, "action of a bulk request", {
        Enrol = "enrol",
        Provision = "provision",
        Delete = "delete",
    }
);

named!(
    /// How far an item is.
    BulkState, "state of an item of a bulk request", {
        Queued = "queued",
        Running = "running",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
);

named!(
    /// What may be done to a few nodes at a time only.
    BulkRoom, "room of an item of a bulk request", {
        Deploy = "deploy",
        Clean = "clean",
    }
);

/// A request. Its items are records of their own. Written by the conductor only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkRequest {
    /// The client's, where it gave one.
    pub id: BulkRequestId,
    pub action: BulkAction,
    /// The project for which it was asked; `None`: for the system, or nobody was asked who they are.
    pub owner: Option<String>,
    /// For whom it was asked, for people.
    pub by: Option<String>,
    /// Of what was asked, so that a repeated request is told from another one with the same id.
    pub digest: String,
    pub items: u32,
    /// Whether some of its items may be queued.
    pub open: bool,
    /// Who hands its items out.
    pub worker: Worker,
    /// A config drive that many of its items are to have.
    pub configdrive: Option<Hidden>,
    pub created_at: Timestamp,
}

/// One node of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkItem {
    pub request: BulkRequestId,
    /// Its place in the request, from 0.
    pub number: u32,
    /// As the client named the node: a text, unless that is what was wrong.
    pub named: Value,
    /// `None` of one that was refused before its node was found.
    pub node: Option<NodeId>,
    pub state: BulkState,
    /// Why it has failed.
    pub refusal: Option<BulkRefusal>,
    /// What is to be done; `None` as soon as it has begun or never will.
    pub work: Option<BulkWork>,
    pub mandate: Mandate,
    /// The work on the node that it has begun, if that takes time.
    pub run: Option<RunId>,
    pub updated_at: Timestamp,
}

/// A refusal as a single request would have been answered, or the failure of what was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRefusal {
    /// Of Ironic's API; `None`: it was begun and has failed.
    pub status: Option<u16>,
    pub reason: String,
}

/// What is to be done to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkWork {
    Enrol {
        node: Box<Node>,
        ports: Vec<Port>,
    },
    Provision {
        verb: Verb,
        /// As the conductor writes it for other conductors.
        request: Hidden,
        /// Whether it gets the config drive of the request.
        common_configdrive: bool,
    },
    Delete,
}

/// By what right an item is carried out, however long after it was asked for: nodes may change projects meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mandate {
    /// Whoever has the node.
    Anything,
    /// While the node belongs, or is lent, to this project.
    OfProject {
        project: String,
        as_owner: bool,
        as_lessee: bool,
    },
}

/// A document that shows itself in no log line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub Value);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Mandate {
    /// Whether it is good for the node as it is now.
    pub fn holds(&self, node: &Node) -> bool {
        match self {
            Self::Anything => true,
            Self::OfProject {
                project,
                as_owner,
                as_lessee,
            } => {
                let is = |of: &Option<String>| of.as_ref() == Some(project);
                (*as_owner && is(&node.owner)) || (*as_lessee && is(&node.lessee))
            }
        }
    }
}

impl BulkItem {
    /// Its id in the store, and in the notes of the run that it has begun.
    pub fn id_of(request: BulkRequestId, number: u32) -> String {
        format!("{request}.{number:04}")
    }

    /// The request of an item with this id.
    pub fn request_in(id: &str) -> Option<BulkRequestId> {
        let (request, _) = id.split_once('.')?;
        request.parse().ok()
    }

    /// The room that it needs to begin.
    pub fn room(&self) -> Option<BulkRoom> {
        let Some(BulkWork::Provision { verb, .. }) = &self.work else {
            return None;
        };
        match verb {
            Verb::Active | Verb::Deploy | Verb::Rebuild => Some(BulkRoom::Deploy),
            // Undeploying ends in cleaning.
            Verb::Provide | Verb::Clean | Verb::Deleted | Verb::Undeploy => Some(BulkRoom::Clean),
            Verb::Manage
            | Verb::Inspect
            | Verb::Adopt
            | Verb::Abort
            | Verb::Rescue
            | Verb::Unrescue
            | Verb::Service
            | Verb::Unhold => None,
        }
    }

    /// One that has ended, or has begun, with what it does not need any more left out.
    #[must_use]
    pub fn with_state(self, state: BulkState, at: Timestamp) -> Self {
        Self {
            state,
            work: None,
            updated_at: at,
            ..self
        }
    }

    /// One that will not be carried out, or has gone wrong.
    #[must_use]
    pub fn with_refusal(self, refusal: BulkRefusal, at: Timestamp) -> Self {
        Self {
            refusal: Some(refusal),
            ..self.with_state(BulkState::Failed, at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn node(owner: Option<&str>, lessee: Option<&str>) -> Node {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        node.owner = owner.map(str::to_owned);
        node.lessee = lessee.map(str::to_owned);
        node
    }

    #[test]
    fn a_mandate_ends_with_the_project_that_it_is_for() {
        let of = |as_owner, as_lessee| Mandate::OfProject {
            project: "p".to_owned(),
            as_owner,
            as_lessee,
        };
        let (owned, lent) = (node(Some("p"), None), node(Some("q"), Some("p")));
        for (mandate, expected) in [
            (Mandate::Anything, [true, true, true]),
            (of(true, true), [true, true, false]),
            (of(true, false), [true, false, false]),
            (of(false, true), [false, true, false]),
        ] {
            let nodes = [&owned, &lent, &node(Some("q"), None)];
            assert_eq!(
                nodes.map(|node| mandate.holds(node)),
                expected,
                "{mandate:?}"
            );
        }
    }

    #[test]
    fn what_is_asked_for_shows_itself_nowhere_and_is_forgotten() {
        let item = BulkItem {
            request: BulkRequestId(Uuid::nil()),
            number: 7,
            named: json!("a"),
            node: None,
            state: BulkState::Queued,
            refusal: None,
            work: Some(BulkWork::Provision {
                verb: Verb::Rescue,
                request: Hidden(json!({"rescue_password": "correct horse"})),
                common_configdrive: false,
            }),
            mandate: Mandate::Anything,
            run: None,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        assert!(!format!("{item:?}").contains("horse"));
        let text = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<BulkItem>(&text).unwrap(), item);
        let begun = item.with_state(BulkState::Running, Timestamp::UNIX_EPOCH);
        assert_eq!(begun.work, None);
        let id = BulkItem::id_of(begun.request, begun.number);
        assert_eq!(id, "00000000-0000-0000-0000-000000000000.0007");
        assert_eq!(BulkItem::request_in(&id), Some(begun.request));
    }
}
