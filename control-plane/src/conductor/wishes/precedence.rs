//! What comes first. A wish that may still be carried out keeps others from beginning something at the machine, as
//! whoever holds the node does: it could restart the machine in the middle of that. One whose time is over keeps nobody.

use super::without_wish;
use crate::conductor::node_task::{Change, NodeTask};
use crate::conductor::requests::RequestError;
use ferric_model::event::What;
use ferric_model::node::Node;
use jiff::Timestamp;

/// The change with which something else begins at the machine: without a wish, if there is one whose time is over.
///
/// # Errors
/// Conflict while what was asked of the machine before may still be done.
pub(in crate::conductor) fn clear_of_wishes(task: &NodeTask) -> Result<Change, RequestError> {
    let (node, conductor) = (&task.node, task.conductor());
    let Some(wish) = &node.wish else {
        return Ok(task.change());
    };
    if !is_overdue(node, conductor.now()) {
        return Err(conductor.locked(node.uuid, wish.purpose()));
    }
    let error = format!("{} was given up: its time was over", wish.purpose());
    Ok(without_wish(task.change()).event(What::BmcError { error }))
}

/// The same for what must not meet a power action either: runs, and wishes that may restart the machine.
pub(in crate::conductor) fn clear_to_begin(task: &NodeTask) -> Result<Change, RequestError> {
    if task.node.target_power_state.is_some() {
        let purpose = "changing its power state";
        return Err(task.conductor().locked(task.id(), purpose));
    }
    clear_of_wishes(task)
}

/// Whether the time is over in which the wish had to be begun, or a restart for it had to show.
pub(super) fn is_overdue(node: &Node, now: Timestamp) -> bool {
    let progress = node.wish_progress.as_ref();
    progress.is_some_and(|progress| progress.until <= now)
}

/// Whether there is a wish and nothing goes on at the machine that it would disturb.
pub(in crate::conductor) fn may_be_done(node: &Node) -> bool {
    let Some(wish) = &node.wish else {
        return false;
    };
    let disturbs = wish.may_restart() && is_on_its_way(node);
    !(disturbs || node.provision_state.is_running())
}

/// Whether a run is under way.
pub(super) fn is_on_its_way(node: &Node) -> bool {
    let state = node.provision_state;
    node.run.is_some() || state.is_running() || state.is_wait()
}
