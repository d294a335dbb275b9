//! `abort`: ends what a node waits for, or what it is held at.
//!
//! Nothing is torn down that a verb would have to be legal for: the run that is under way is what clears up, and its end
//! leads to the state that the table has for it.

use super::{note, start_with};
use crate::conductor::engine::{self, ABORT_AFTER, ABORTED, ABORTED_NOTE};
use crate::conductor::flows;
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::RequestError;
use ferric_model::run::{Activity, Run, WaitReason};
use ferric_model::state::{Event, ProvisionState};

/// A step that must not be interrupted ends first.
pub(super) async fn abort(task: &mut NodeTask) -> Result<(), RequestError> {
    if task.node.provision_state == ProvisionState::ServiceFailed {
        return leave_service(task).await;
    }
    if task.node.run.as_ref().is_some_and(must_end_first) {
        let change = task.change().with(|node| note(&mut node.run, ABORT_AFTER));
        return Ok(task.save(change).await?);
    }
    Ok(engine::abort(task).await?)
}

fn must_end_first(run: &Run) -> bool {
    let is_held = |wait: &ferric_model::run::Wait| wait.reason == WaitReason::Hold;
    let is_under_way = !run.wait.as_ref().is_some_and(is_held);
    is_under_way && run.step().is_some_and(|step| !step.abortable)
}

/// Whoever aborts a service that has failed wants the instance back. A failed step has put the node into maintenance,
/// which is to be ended by somebody who looked at the machine: 409 with Ironic's sentence, where other verbs are 400.
async fn leave_service(task: &mut NodeTask) -> Result<(), RequestError> {
    if task.node.maintenance {
        return Err(RequestError::Conflict(format!(
            "Can not abort service on node \"{}\" while it is in maintenance mode. Please remove the node from maintenance prior to issuing the request to abort the service operation.",
            task.node.uuid
        )));
    }
    let steps = if flows::has_left_instance(&task.node) {
        flows::back_to_instance(&task.node)
    } else {
        Vec::new()
    };
    let sentence = format!("Servicing {ABORTED}");
    let steps = flows::Composed::of(steps);
    start_with(task, Event::Service, Activity::Service, steps, |change| {
        change.with(|node| {
            note(&mut node.run, ABORTED_NOTE);
            if let Some(run) = &mut node.run {
                run.failure = Some(sentence);
            }
        })
    })
    .await
}
