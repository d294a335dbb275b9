//! What a kind demands of a change beside its form. Asked under the locks of the nodes.

use super::Plain;
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::node::Node;
use ferric_store::Transaction;

/// A change of something from one state to another, with the nodes that it hangs on before and after.
pub(super) struct Changing<'a, P> {
    pub(super) before: &'a P,
    pub(super) new: &'a P,
    /// The node that it hangs on, and the one that it will; none for what hangs on none.
    pub(super) nodes: Option<(&'a Node, &'a Node)>,
}

pub(super) trait Ruled: Plain {
    /// Refuses the change, or adds to its transaction what follows from it.
    async fn may_change(
        conductor: &Conductor,
        changing: Changing<'_, Self>,
        transaction: Transaction,
    ) -> Result<Transaction, RequestError>;

    /// Refuses that it goes, while something needs it.
    async fn may_go(&self, conductor: &Conductor, node: Option<&Node>) -> Result<(), RequestError>;
}
