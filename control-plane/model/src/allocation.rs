//! Allocations: a request for any node of a kind, and what came of it. Field names are those of the wire.
//!
//! Which node is taken is found out by a conductor; here it is only said which nodes would do.

use crate::ids::{AllocationId, Incarnation, NodeId};
use crate::named::named;
use crate::node::{Node, Object};
use crate::state::ProvisionState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

named!(
    /// How far an allocation is.
    AllocationState, "state of an allocation", {
        Allocating = "allocating",
        Active = "active",
        Error = "error",
    }
);

/// A request for a node. Written by the conductor only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// Becomes the `instance_uuid` of its node.
    pub uuid: AllocationId,
    pub name: Option<String>,
    /// `None` only for one that was made for a node without a resource class.
    pub resource_class: Option<String>,
    /// What the node must have, all of it.
    pub traits: Vec<String>,
    /// It must be one of these; empty: any.
    pub candidate_nodes: Vec<NodeId>,
    /// The project that the node must belong or be lent to.
    pub owner: Option<String>,
    pub extra: Object,
    pub state: AllocationState,
    pub last_error: Option<String>,
    /// Set exactly while it is active.
    pub node_uuid: Option<NodeId>,
    /// Who looks for a node, or did.
    pub worker: Worker,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// The conductor that an allocation is left to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    pub conductor: String,
    pub incarnation: Incarnation,
}

/// Why a node cannot be had for an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsuitable {
    Maintenance,
    Retired,
    Associated,
    NotAvailable,
    PowerUnknown,
    ResourceClass,
    Traits,
    NotCandidate,
    Owner,
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Maintenance => "it is in maintenance",
            Self::Retired => "it is retired",
            Self::Associated => "it has an instance",
            Self::NotAvailable => "it is not available",
            Self::PowerUnknown => "its power state is not known",
            Self::ResourceClass => "it is of another resource class",
            Self::Traits => "it lacks some of the traits",
            Self::NotCandidate => "it is not among the candidate nodes",
            Self::Owner => "it belongs to another project",
        })
    }
}

impl Allocation {
    /// One that asks for nothing yet.
    pub fn new(uuid: AllocationId, worker: Worker, created_at: Timestamp) -> Self {
        Self {
            uuid,
            name: None,
            resource_class: None,
            traits: Vec::new(),
            candidate_nodes: Vec::new(),
            owner: None,
            extra: Object::new(),
            state: AllocationState::Allocating,
            last_error: None,
            node_uuid: None,
            worker,
            created_at,
            updated_at: None,
        }
    }

    /// Whether the node has all traits that are asked for.
    pub fn has_traits(&self, node: &Node) -> bool {
        self.traits.iter().all(|name| node.traits.contains(name))
    }

    /// Whether the node may be taken.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn suits(&self, node: &Node) -> Result<(), Unsuitable> {
        let candidates = &self.candidate_nodes;
        let owners = [node.owner.as_ref(), node.lessee.as_ref()];
        let is_owned = |owner: &String| owners.contains(&Some(owner));
        let against = [
            (node.maintenance, Unsuitable::Maintenance),
            (node.retired, Unsuitable::Retired),
            (node.instance_uuid.is_some(), Unsuitable::Associated),
            (
                node.provision_state != ProvisionState::Available,
                Unsuitable::NotAvailable,
            ),
            (node.power_state.is_none(), Unsuitable::PowerUnknown),
            (
                node.resource_class != self.resource_class,
                Unsuitable::ResourceClass,
            ),
            (!self.has_traits(node), Unsuitable::Traits),
            (
                !candidates.is_empty() && !candidates.contains(&node.uuid),
                Unsuitable::NotCandidate,
            ),
            (!self.owner.as_ref().is_none_or(is_owned), Unsuitable::Owner),
        ];
        match against.into_iter().find(|(is_so, _)| *is_so) {
            Some((_, reason)) => Err(reason),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PowerState;
    use uuid::Uuid;

    fn node() -> Node {
        let mut node = Node::new(
            NodeId(Uuid::from_u128(1)),
            "fake-hardware",
            Timestamp::UNIX_EPOCH,
        );
        node.provision_state = ProvisionState::Available;
        node.power_state = Some(PowerState::Off);
        node.resource_class = Some("small".to_owned());
        node.traits = vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()];
        node.owner = Some("p1".to_owned());
        node.lessee = Some("p2".to_owned());
        node
    }

    fn allocation() -> Allocation {
        let worker = Worker {
            conductor: "one".to_owned(),
            incarnation: Incarnation(Uuid::nil()),
        };
        let mut allocation = Allocation::new(
            AllocationId(Uuid::from_u128(9)),
            worker,
            Timestamp::UNIX_EPOCH,
        );
        allocation.resource_class = Some("small".to_owned());
        allocation
    }

    fn of_node(edit: impl FnOnce(&mut Node), expected: Result<(), Unsuitable>) {
        let mut node = node();
        edit(&mut node);
        assert_eq!(allocation().suits(&node), expected);
    }

    fn of_allocation(edit: impl FnOnce(&mut Allocation), expected: Result<(), Unsuitable>) {
        let mut allocation = allocation();
        edit(&mut allocation);
        assert_eq!(allocation.suits(&node()), expected);
    }

    #[test]
    fn a_node_must_be_free() {
        of_node(|_| (), Ok(()));
        of_node(|node| node.maintenance = true, Err(Unsuitable::Maintenance));
        of_node(|node| node.retired = true, Err(Unsuitable::Retired));
        of_node(
            |node| node.instance_uuid = Some(Uuid::nil()),
            Err(Unsuitable::Associated),
        );
        of_node(
            |node| node.provision_state = ProvisionState::Manageable,
            Err(Unsuitable::NotAvailable),
        );
        of_node(
            |node| node.power_state = None,
            Err(Unsuitable::PowerUnknown),
        );
    }

    #[test]
    fn a_node_must_be_what_is_asked_for() {
        let class = |name: &str| Some(name.to_owned());
        of_allocation(
            |asked| asked.resource_class = class("large"),
            Err(Unsuitable::ResourceClass),
        );
        of_allocation(|asked| asked.traits = vec!["CUSTOM_B".to_owned()], Ok(()));
        of_allocation(
            |asked| asked.traits = vec!["CUSTOM_B".to_owned(), "CUSTOM_C".to_owned()],
            Err(Unsuitable::Traits),
        );
        let id = |number| NodeId(Uuid::from_u128(number));
        of_allocation(|asked| asked.candidate_nodes = vec![id(2), id(1)], Ok(()));
        of_allocation(
            |asked| asked.candidate_nodes = vec![id(2)],
            Err(Unsuitable::NotCandidate),
        );
        of_allocation(|asked| asked.owner = class("p1"), Ok(()));
        of_allocation(|asked| asked.owner = class("p2"), Ok(()));
        of_allocation(|asked| asked.owner = class("p3"), Err(Unsuitable::Owner));
    }
}
