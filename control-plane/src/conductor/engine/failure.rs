//! Failures of the machine: a run that failed clears up after itself, step by step, and only then the node is failed.
//!
//! So a crash of the conductor in between leaves no half-written machine running.

use super::advance::{rebooted, reserve, wait};
use crate::conductor::environment::later;
use crate::conductor::flows::{self, PowerOff};
use crate::conductor::limits;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::run::{Activity, News, Run, StepPhase, Wait, WaitReason};
use ferric_model::state::Event;
use ferric_model::step::{Performer, Recovery, Step};

/// How often a machine may boot again in the middle before its run is given up.
const REBOOTS: u32 = 3;

/// The step in hand failed. A failure while clearing up is noted, and the clearing up goes on.
pub(in crate::conductor) async fn fail(task: &mut NodeTask, error: &str) -> Result<(), TaskError> {
    let Some(run) = task.node.run.clone() else {
        return Ok(());
    };
    let settings = &task.conductor().settings().conductor;
    let power_off = if settings.power_off_after_deploy_failure {
        PowerOff::Yes
    } else {
        PowerOff::No
    };
    let step = run.step().map(|step| step.id.clone());
    let failed = step.clone().map(|step| What::StepFailed {
        step,
        error: error.to_owned(),
    });
    let clearing_up = flows::clearing_up(&run, &task.node, power_off);
    let sentence = sentence(&run, error);
    let change = task.change().events(failed).with(|node| {
        if run.activity == Activity::Clean || run.activity == Activity::ManualClean {
            blame_step(node, &run, &sentence);
        }
        let Some(run) = &mut node.run else { return };
        run.wait = None;
        run.news = None;
        run.phase = StepPhase::Ready;
        if run.failure.is_some() {
            run.index += 1;
        } else {
            run.failure = Some(sentence);
            run.steps = clearing_up;
            run.index = 0;
        }
    });
    store(task, change).await
}

/// Ends what the node waits for with this failure, for somebody who asked for it.
pub(in crate::conductor) async fn store(
    task: &mut NodeTask,
    change: Change,
) -> Result<(), TaskError> {
    let change = reserve(change, task);
    if task.node.provision_state.is_wait() {
        return task.apply(Event::Resume, change).await;
    }
    task.save(change).await
}

/// As in Ironic: a node whose disks are half cleaned is kept out of everybody's reach.
fn blame_step(node: &mut Node, run: &Run, sentence: &str) {
    if run.failure.is_none() && run.step().is_some_and(|step| step.by == Performer::Agent) {
        node.maintenance = true;
        node.maintenance_reason = Some(sentence.to_owned());
        node.fault = Some("clean failure".to_owned());
    }
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
        let error = format!(
            "the machine has booted again {REBOOTS} times in the middle of it: look at its console"
        );
        return fail(task, &error).await;
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
                run.steps.splice(run.index..run.index, steps);
                run.phase = StepPhase::Ready;
            }
        });
    if restart.is_some() {
        return store(task, change).await;
    }
    await_agent(task, change, run.activity).await
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

async fn await_agent(
    task: &mut NodeTask,
    change: Change,
    activity: Activity,
) -> Result<(), TaskError> {
    let limit = limits::callback(task.conductor().settings(), activity);
    if !task.node.provision_state.is_wait() {
        return wait(task, change, WaitReason::AgentReboot, limit).await;
    }
    // Already waiting, from now on for something else.
    let since = task.conductor().now();
    let wait = Wait {
        reason: WaitReason::AgentReboot,
        since,
        deadline: Some(later(since, limit)),
    };
    let change = change.with(|node| {
        if let Some(run) = &mut node.run {
            run.wait = Some(wait);
        }
    });
    task.save(change).await
}

fn attempt(run: &Run) -> u32 {
    match run.phase {
        StepPhase::Ready => 0,
        StepPhase::Started { attempt, .. } => attempt,
    }
}
