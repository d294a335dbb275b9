//! Volume connectors and targets: changed only while the machine, which may be using them, is off.

use super::rules::{Changing, Ruled};
use super::{Plain, PlainDocument};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState as State};
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use ferric_store::Transaction;
use jiff::Timestamp;

impl Plain for VolumeConnector {
    const NOUN: &'static str = "volume connector";

    fn node(&self) -> Option<NodeId> {
        Some(self.node_uuid)
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }

    fn wrap(self) -> PlainDocument {
        PlainDocument::VolumeConnector(self)
    }

    fn unwrap(document: PlainDocument) -> Option<Self> {
        match document {
            PlainDocument::VolumeConnector(connector) => Some(connector),
            _ => None,
        }
    }

    fn taken(&self, _field: &str) -> String {
        format!(
            "A volume connector with type {} and connector ID {} already exists.",
            self.kind, self.connector_id
        )
    }
}

impl Plain for VolumeTarget {
    const NOUN: &'static str = "volume target";

    fn node(&self) -> Option<NodeId> {
        Some(self.node_uuid)
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = Some(at);
    }

    fn wrap(self) -> PlainDocument {
        PlainDocument::VolumeTarget(self)
    }

    fn unwrap(document: PlainDocument) -> Option<Self> {
        match document {
            PlainDocument::VolumeTarget(target) => Some(target),
            _ => None,
        }
    }

    fn taken(&self, _field: &str) -> String {
        format!(
            "A volume target with boot index '{}' for the same node already exists.",
            self.boot_index
        )
    }
}

impl Ruled for VolumeConnector {
    async fn may_change(
        _conductor: &Conductor,
        changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError> {
        check_off(&changing)?;
        Ok(transaction)
    }

    fn may_go(&self, node: &Node) -> Result<(), RequestError> {
        check_unused::<Self>(node)
    }
}

impl Ruled for VolumeTarget {
    async fn may_change(
        _conductor: &Conductor,
        changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError> {
        check_off(&changing)?;
        Ok(transaction)
    }

    fn may_go(&self, node: &Node) -> Result<(), RequestError> {
        check_unused::<Self>(node)
    }
}

/// Both the node that has it and the one that gets it.
fn check_off<P: Plain>(changing: &Changing<'_, P>) -> Result<(), RequestError> {
    let nodes = changing.nodes.into_iter().flat_map(|(from, to)| [from, to]);
    let mut on = nodes.filter(|node| !is_off(node));
    on.next()
        .map_or(Ok(()), |node| Err(not_off::<P>("update", node)))
}

/// A node in a state in which it may be deleted itself uses no volume.
fn check_unused<P: Plain>(node: &Node) -> Result<(), RequestError> {
    let idle = matches!(
        node.provision_state,
        State::Enroll | State::Manageable | State::AdoptFailed
    );
    if idle || is_off(node) {
        return Ok(());
    }
    Err(not_off::<P>("deletion", node))
}

fn is_off(node: &Node) -> bool {
    node.power_state == Some(PowerState::Off)
}

fn not_off<P: Plain>(action: &str, node: &Node) -> RequestError {
    let state = node.power_state.map_or("unknown", |state| state.name());
    RequestError::Invalid(format!(
        "The requested action \"{} {action}\" can not be performed on node \"{}\" while its power state is {state}: switch it off first.",
        P::NOUN,
        node.uuid
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn node(state: State, power: Option<PowerState>) -> Node {
        let id = NodeId(Uuid::nil());
        Node {
            provision_state: state,
            power_state: power,
            ..Node::new(id, "fake-hardware", Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn a_volume_goes_from_a_node_that_is_off_or_not_in_use() {
        let check = |state, power, expected: bool| {
            let node = node(state, power);
            let found = check_unused::<VolumeTarget>(&node).is_ok();
            assert_eq!(found, expected, "{state} {power:?}");
        };
        check(State::Active, Some(PowerState::Off), true);
        check(State::Active, Some(PowerState::On), false);
        check(State::Active, None, false);
        check(State::Enroll, None, true);
        check(State::Manageable, Some(PowerState::On), true);
        check(State::AdoptFailed, Some(PowerState::On), true);
        check(State::Available, Some(PowerState::On), false);
    }
}
