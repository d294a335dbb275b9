//! The end of a run: all steps are done, or its failure has been cleared up. Goes over into the state that follows.

use super::failure::{ABORTED_NOTE, NOT_CLEARED, TOUCHED};
use crate::conductor::config_drive;
use crate::conductor::flows;
use crate::conductor::hardware_records;
use crate::conductor::inspection::bmc_addresses;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use ferric_model::ids::RunId;
use ferric_model::node::Node;
use ferric_model::run::{Activity, Run};
use ferric_model::state::Event;
use serde_json::Value;

/// In `internal_info` of a node whose service failed: its machine does not run the instance any more.
pub(in crate::conductor) const LEFT_INSTANCE: &str = "ferric_left_instance";

/// The note of a run whose config drive came with the verb that started it.
pub(in crate::conductor) const OWN_CONFIG_DRIVE: &str = "own_config_drive";

pub(super) async fn finish(task: &mut NodeTask) -> Result<(), TaskError> {
    let shown = hardware_records::look_at_end(task).await?;
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let conductor = task.conductor().clone();
    let change = hardware_records::with_records(&conductor, task.change(), shown).await?;
    let change = change.with(|node| {
        node.run = None;
        node.reservation = None;
        node.internal_info.shift_remove(bmc_addresses::KEY);
    });
    if let Some(failure) = run.failure.clone() {
        return finish_failed(task, change, &run, failure).await;
    }
    let now = task.conductor().now();
    match run.activity {
        Activity::Inspect => {
            let change = change.with(|node| {
                node.inspection_started_at = None;
                node.inspection_finished_at = Some(now);
            });
            task.apply(Event::Done, change).await
        }
        Activity::Delete => {
            let change = task.conductor().without_vifs(task, change).await?;
            let change = clean_next(task, change).await;
            task.apply(Event::Clean, change).await
        }
        Activity::Deploy | Activity::Rebuild => {
            // Closed since the instance before.
            let change = change.with(|node| node.console_closed = false);
            task.apply(Event::Done, change).await
        }
        Activity::ManualClean => task.apply(Event::Manage, change).await,
        Activity::Service | Activity::Unrescue => {
            let change = change.with(|node| {
                node.internal_info.shift_remove(LEFT_INSTANCE);
            });
            task.apply(Event::Done, change).await
        }
        Activity::Clean if task.node.retired => task.apply(Event::Manage, change).await,
        _ => task.apply(Event::Done, change).await,
    }
}

async fn finish_failed(
    task: &mut NodeTask,
    change: Change,
    run: &Run,
    failure: String,
) -> Result<(), TaskError> {
    let aborted = run.notes.contains_key(ABORTED_NOTE);
    let problem = run.notes.get(NOT_CLEARED).and_then(Value::as_str);
    let is_back = run.activity == Activity::Service && aborted && problem.is_none();
    let sentence = match problem.filter(|_| aborted) {
        Some(problem) => format!("{failure}; going back failed: {problem}"),
        None => failure,
    };
    let change = change.with(|node| {
        if run.activity == Activity::Rescue && aborted && problem.is_some() {
            keep_out_of_reach(node, &sentence);
        }
        if run.activity == Activity::Inspect {
            node.inspection_started_at = None;
        }
        forget_failed(node, run, sentence);
        if run.activity == Activity::Service {
            note_instance(node, run, is_back);
        }
    });
    if is_back {
        // As in Ironic: the service failed, and the instance is back.
        return task.apply_each(&[Event::Fail, Event::Abort], change).await;
    }
    task.apply(Event::Fail, change).await
}

/// Nobody knows what a machine runs whose rescue could not be taken back.
fn keep_out_of_reach(node: &mut Node, reason: &str) {
    node.maintenance = true;
    node.maintenance_reason = Some(reason.to_owned());
    node.fault = Some("rescue abort failure".to_owned());
}

/// Whoever aborts a failed service later must know whether the machine still runs its instance.
fn note_instance(node: &mut Node, run: &Run, is_back: bool) {
    if is_back {
        node.internal_info.shift_remove(LEFT_INSTANCE);
    } else if run.notes.contains_key(TOUCHED) {
        let noted = Value::from(true);
        node.internal_info.insert(LEFT_INSTANCE.to_owned(), noted);
    }
}

/// A config drive that came with the deploy that failed must not turn up in the next one.
fn forget_failed(node: &mut Node, run: &Run, failure: String) {
    node.last_error = Some(failure);
    if run.notes.contains_key(OWN_CONFIG_DRIVE) {
        node.instance_info.shift_remove(config_drive::KEY);
    }
}

/// After the tear-down the node is cleaned, unless it is told not to be: then it goes through with no steps. Where it
/// cannot be said how (the runbook is gone), it ends as a cleaning that failed.
async fn clean_next(task: &NodeTask, change: Change) -> Change {
    let (id, now) = (RunId(task.conductor().new_id()), task.conductor().now());
    let composed = task.conductor().automated_clean_steps(&task.node).await;
    let run = match composed {
        Ok(composed) => flows::composed_run(id, Activity::Clean, composed, now),
        Err(error) => {
            let mut run = flows::run(id, Activity::Clean, Vec::new(), now);
            run.failure = Some(format!("Cleaning failed: {error}"));
            run
        }
    };
    super::advance::reserve(change.with(|node| node.run = Some(run)), task)
}
