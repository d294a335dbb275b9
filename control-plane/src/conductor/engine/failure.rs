//! Failures of the machine: a run that failed clears up after itself, step by step, and only then the node is failed.
//!
//! So a crash of the conductor in between leaves no half-written machine running.

use super::advance::{rebooted, reserve, wait};
use super::next_move::ABORTED;
use crate::conductor::erasures;
use crate::conductor::flows::{self, PowerOff};
use crate::conductor::limits;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::run::{Activity, News, Run, StepPhase, WaitReason};
use ferric_model::state::Event;
use ferric_model::step::{Performer, Recovery, Step};
use serde_json::{Value, json};

/// How often a machine may boot again in the middle before its run is given up.
const REBOOTS: u32 = 3;

/// The note of a run that ends because somebody asked for that.
pub(in crate::conductor) const ABORTED_NOTE: &str = "aborted";
/// The note of a run that failed after its machine had been touched.
pub(super) const TOUCHED: &str = "touched";
/// The note of a failed run whose clearing up failed too, with the reason.
pub(super) const NOT_CLEARED: &str = "not_cleared_up";

/// Why a run ends before its last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Failure,
    Request,
}

/// The step in hand failed. A failure while clearing up is noted, and the clearing up goes on.
pub(in crate::conductor) async fn fail(task: &mut NodeTask, error: &str) -> Result<(), TaskError> {
    end(task, (error, Cause::Failure), None).await
}

/// The same for a step that was the agent's: what its command has done although it failed counts.
pub(super) async fn fail_with(
    task: &mut NodeTask,
    error: &str,
    result: Option<&Value>,
) -> Result<(), TaskError> {
    end(task, (error, Cause::Failure), result).await
}

/// Somebody wants no more of it. Nobody is to blame, so the node stays in everybody's reach.
pub(in crate::conductor) async fn abort(task: &mut NodeTask) -> Result<(), TaskError> {
    end(task, (ABORTED, Cause::Request), None).await
}

async fn end(
    task: &mut NodeTask,
    (error, cause): (&str, Cause),
    result: Option<&Value>,
) -> Result<(), TaskError> {
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let fault = fault(&run).filter(|_| cause == Cause::Failure);
    let failed = run.step().map(|step| What::StepFailed {
        step: step.id.clone(),
        error: error.to_owned(),
    });
    let left = match (run.activity, cause) {
        (Activity::Service, Cause::Request) => flows::way_back(&run, &task.node),
        _ => flows::clearing_up(&run, &task.node, power_off(task, &run, fault)),
    };
    let sentence = sentence(&run, error);
    let touched = flows::has_touched(&run);
    let change = erasures::with_records(task, task.change(), result).await?;
    let change = change.events(failed).with(|node| {
        if let Some(fault) = fault {
            node.maintenance = true;
            node.maintenance_reason = Some(sentence.clone());
            node.fault = Some(fault.to_owned());
        }
        let Some(run) = &mut node.run else { return };
        let wait = run.wait.take();
        if let Some(job) = wait.as_ref().and_then(|wait| wait.reason.job()) {
            node.periodic_records.remove(job);
        }
        run.news = None;
        run.phase = StepPhase::Ready;
        if run.failure.is_some() {
            run.index += 1;
            run.notes.insert(NOT_CLEARED.to_owned(), json!(sentence));
            return;
        }
        run.failure = Some(sentence);
        run.steps = left;
        run.index = 0;
        let notes = [
            (cause == Cause::Request).then_some(ABORTED_NOTE),
            touched.then_some(TOUCHED),
        ];
        for note in notes.into_iter().flatten() {
            run.notes.insert(note.to_owned(), json!(true));
        }
    });
    store(task, change).await
}

/// Ends what the node waits for with this failure, for somebody who asked for it.
pub(super) async fn store(task: &mut NodeTask, change: Change) -> Result<(), TaskError> {
    let change = reserve(change, task);
    let state = task.node.provision_state;
    if state.is_hold() {
        // The way out of a hold that lets the machine be cleared up leads through the wait.
        return task
            .apply_each(&[Event::Unhold, Event::Resume], change)
            .await;
    }
    if state.is_wait() {
        return task.apply(Event::Resume, change).await;
    }
    task.save(change).await
}

/// As in Ironic: a node with a half-done clean or service step is kept out of everybody's reach.
fn fault(run: &Run) -> Option<&'static str> {
    let name = match run.activity {
        Activity::Clean | Activity::ManualClean => "clean failure",
        Activity::Service => "service failure",
        _ => return None,
    };
    let is_work =
        |step: &Step| step.by == Performer::Agent || !flows::is_part_of_the_frame(&step.id);
    (run.failure.is_none() && run.step().is_some_and(is_work)).then_some(name)
}

/// A machine whose step failed is left as it is unless the operator wants it off: its ramdisk may be looked at.
fn power_off(task: &NodeTask, run: &Run, fault: Option<&str>) -> PowerOff {
    let settings = &task.conductor().settings().conductor;
    let may_be_off = !task.node.disable_power_off;
    let off = match run.activity {
        Activity::Deploy | Activity::Rebuild => settings.power_off_after_deploy_failure,
        Activity::Clean | Activity::ManualClean => {
            fault.is_none() || (settings.poweroff_in_cleanfail && may_be_off)
        }
        Activity::Service => settings.poweroff_in_servicefail && may_be_off,
        _ => true,
    };
    if off { PowerOff::Yes } else { PowerOff::No }
}

/// `Deploying failed in deploy.write_image: ...`
fn sentence(run: &Run, error: &str) -> String {
    let purpose = flows::purpose(run.activity);
    let mut activity = purpose.to_owned();
    if let Some(first) = activity.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let step = run
        .step()
        .map(|step| format!(" in {}", step.id))
        .unwrap_or_default();
    format!("{activity} failed{step}: {error}")
}

/// Whether the agent that the step needs is another one than before, or none.
pub(super) fn has_rebooted(node: &Node) -> bool {
    let Some(run) = &node.run else { return false };
    let may_be_gone = node.agent.as_ref().is_some_and(AgentSession::may_be_gone);
    run.failure.is_none() && (rebooted(run) || may_be_gone)
}

/// The machine booted again in the middle of a step: the step is begun anew once the agent is back, if it may be.
pub(super) async fn meet_reboot(task: &mut NodeTask) -> Result<(), TaskError> {
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let Some(step) = run.step().cloned() else {
        return Ok(());
    };
    if run.reboots >= REBOOTS {
        return fail(task, &too_many_reboots()).await;
    }
    if step.recovery == Recovery::Fail || !flows::may_be_repeated(&step) {
        return fail(
            task,
            "the machine has booted again in the middle of it, and it must not be done twice",
        )
        .await;
    }
    let text = format!(
        "{} is begun again: the machine has booted in the middle of it",
        step.id
    );
    let attempt = attempt(&run).saturating_add(1);
    let at = task.conductor().now();
    let restart = restart(&task.node, &run);
    let change = task
        .change()
        .event(What::Resumed { detail: text })
        .with(|node| {
            let Some(run) = &mut node.run else { return };
            run.reboots += 1;
            run.wait = None;
            run.news = None;
            run.phase = StepPhase::Started { attempt, at };
            if let Some(steps) = restart.clone() {
                if let Some(step) = run.steps.get_mut(run.index) {
                    flows::forget_restart(step);
                }
                run.steps.splice(run.index..run.index, steps);
                run.phase = StepPhase::Ready;
            }
        });
    if restart.is_some() {
        return store(task, change).await;
    }
    let limit = limits::callback(task.conductor().settings(), run.activity);
    wait(task, change, WaitReason::AgentReboot, limit).await
}

fn too_many_reboots() -> String {
    format!("the machine has booted again {REBOOTS} times in the middle of it: look at its console")
}

/// Nothing has been done for the step in hand, so it goes on as it is once the ramdisk is up.
pub(super) async fn bring_up(task: &mut NodeTask) -> Result<(), TaskError> {
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let Some(step) = run.step() else {
        return Ok(());
    };
    if run.reboots >= REBOOTS {
        return fail(task, &too_many_reboots()).await;
    }
    let detail = format!("no agent is up for {}: the ramdisk is booted", step.id);
    let change = task.change().event(What::Resumed { detail }).with(|node| {
        let Some(run) = &mut node.run else { return };
        run.reboots += 1;
        run.steps
            .splice(run.index..run.index, flows::boot_ramdisk_again());
    });
    store(task, change).await
}

/// The steps that bring the ramdisk up again where the machine does not do so by itself, or where the one that is up
/// cannot be given a token safely: the machine is switched off and on, which settles whose token it is.
fn restart(node: &Node, run: &Run) -> Option<Vec<Step>> {
    let session = node.agent.as_ref();
    let known = session.is_some_and(|session| session.token_confirmed);
    if !known && run.news != Some(News::Restarted) {
        return None;
    }
    let [off, boot] = flows::boot_ramdisk_again();
    // A step that boots the ramdisk does so itself, once the machine is off.
    let boots = matches!(
        run.wait.as_ref().map(|wait| &wait.reason),
        Some(WaitReason::AgentBoot | WaitReason::InspectionData)
    );
    Some(if boots { vec![off] } else { vec![off, boot] })
}

fn attempt(run: &Run) -> u32 {
    match run.phase {
        StepPhase::Ready => 0,
        StepPhase::Started { attempt, .. } => attempt,
    }
}
