//! The agent refused a step because its hardware managers are others than when it told its steps. Nothing has been done
//! for the step, so nothing is lost: automated cleaning begins anew, everything else goes on with a fresh list.

use super::failure::{self, fail};
use crate::conductor::flows;
use crate::conductor::node_task::{NodeTask, TaskError};
use ferric_model::event::What;
use ferric_model::run::{Activity, Run, StepPhase};
use serde_json::json;

/// How often it may happen in one run before the run is given up.
const MOST: u64 = 3;
/// The note that counts.
const CHANGES: &str = "version_changes";

pub(super) async fn meet(task: &mut NodeTask) -> Result<(), TaskError> {
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let changes = run.notes.get(CHANGES).and_then(serde_json::Value::as_u64);
    let changes = changes.unwrap_or(0) + 1;
    if changes > MOST {
        let error = format!(
            "the agent's hardware managers have changed {changes} times since it told its steps: look at the ramdisk"
        );
        return fail(task, &error).await;
    }
    let anew = if run.activity == Activity::Clean {
        match task.conductor().automated_clean_steps(&task.node).await {
            // What is wanted may have changed since. A list that does not end what has begun is of no use: the steps
            // in hand do, and switch the machine off.
            Ok(composed) => Some(composed).filter(|composed| flows::need_ramdisk(&composed.steps)),
            Err(error) => return fail(task, &error.to_string()).await,
        }
    } else {
        None
    };
    let restarts = anew.is_some();
    let detail = if restarts {
        "cleaning begins anew"
    } else {
        "the agent is asked for its steps again"
    };
    let detail = format!("the agent's hardware managers have changed: {detail}");
    let change = task.change().event(What::Resumed { detail }).with(|node| {
        if restarts {
            // It is rebooted: the agent that is up is not to be gone on with.
            node.agent = None;
        }
        let Some(run) = &mut node.run else { return };
        run.notes.insert(CHANGES.to_owned(), json!(changes));
        run.wait = None;
        run.news = None;
        run.phase = StepPhase::Ready;
        match anew {
            Some(composed) => {
                run.notes.shift_remove(flows::RUNBOOK);
                run.notes.extend(composed.notes);
                run.steps = composed.steps;
                run.index = 0;
                run.agent_steps_known = false;
                run.agent_step_version = None;
            }
            None => ask_again(run),
        }
    });
    failure::store(task, change).await
}

/// The step in hand comes right behind the question for the agent's steps.
fn ask_again(run: &mut Run) {
    run.steps.insert(run.index, flows::ask_for_steps());
}
