//! What a kind demands of a change beside its form. Asked under the locks of the nodes.

use super::Plain;
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::node::Node;
use ferric_store::{Expectation, FieldValue, Room, Table, Transaction};

/// A change of something from one state to another, with the nodes that it hangs on before and after.
pub(super) struct Changing<'a, P> {
    pub(super) before: &'a P,
    pub(super) new: &'a P,
    /// The node that it hangs on, and the one that it will; none for what hangs on none.
    pub(super) nodes: Option<(&'a Node, &'a Node)>,
}

/// Those who name one of a kind: it does not go before they do.
pub(super) struct Users {
    pub(super) table: Table,
    /// Where they name it.
    pub(super) field: &'static str,
    /// What they are called in sentences.
    pub(super) noun: &'static str,
}

pub(super) trait Ruled: Plain {
    const USERS: Option<Users> = None;

    /// Refuses the change, or adds to its transaction what follows from it.
    async fn may_change(
        conductor: &Conductor,
        changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError>;

    /// Refuses that it goes, for what its node is doing.
    fn may_go(&self, _node: &Node) -> Result<(), RequestError> {
        Ok(())
    }

    /// What must hold where it goes. Its users may belong to other conductors, so only the store knows at the commit.
    fn unused(&self) -> Option<Expectation> {
        let Users { table, field, .. } = Self::USERS?;
        let room = Room::as_seen(table, field, FieldValue::Text(self.id()), 0);
        Some(Expectation::Room(room))
    }
}
