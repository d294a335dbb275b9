//! Doing what `next_move` says: each arm ends with a commit, so the next look sees another node.

use super::failure::{self, fail, fail_with};
use super::finish::finish;
use super::next_move::{LOST_POWER, Move};
use super::version_change;
use crate::conductor::agent::{AgentClient, command_id};
use crate::conductor::erasures;
use crate::conductor::flows;
use crate::conductor::hardware_records;
use crate::conductor::limits;
use crate::conductor::messages;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use crate::conductor::pinned;
use crate::conductor::planted::Planted;
use crate::conductor::steps::{self, LastCommand, Outcome, StepContext, StepError, chain};
use ferric_model::event::What;
use ferric_model::node::agent_session::Token;
use ferric_model::node::{Node, Object, Reservation};
use ferric_model::run::{News, Run, StepPhase, Wait, WaitReason};
use ferric_model::state::Event;
use ferric_model::step::{Recovery, Step};
use std::time::Duration;
use uuid::Uuid;

/// No step of the conductor takes longer; waiting for the machine is no part of it.
const STEP_LIMIT: Duration = Duration::from_secs(1800);

pub(super) async fn advance(task: &mut NodeTask, next: Move) -> Result<(), TaskError> {
    if matches!(
        next,
        Move::Start | Move::Recover { .. } | Move::FetchInventory
    ) {
        task.ensure_ours()?;
    }
    match next {
        Move::Rest => Ok(()),
        Move::Start => pinned(|| start(task)).await,
        Move::Recover { attempt } => pinned(|| recover(task, attempt)).await,
        Move::EndWait => {
            let change = reserve(step_done(task.change(), None), task);
            task.apply(Event::Resume, change).await
        }
        Move::EndCommand {
            error: Some(error),
            result,
        } => pinned(|| fail_with(task, &error, result.as_ref())).await,
        Move::EndCommand {
            error: None,
            result,
        } => pinned(|| end_command(task, result.as_ref())).await,
        Move::FetchInventory => pinned(|| fetch_inventory(task)).await,
        Move::TakeUp => pinned(|| take_up(task)).await,
        Move::MeetReboot => pinned(|| failure::meet_reboot(task)).await,
        Move::BringUp => pinned(|| failure::bring_up(task)).await,
        Move::MeetVersionChange => pinned(|| version_change::meet(task)).await,
        Move::Abort => pinned(|| failure::abort(task)).await,
        Move::Fail(error) => pinned(|| fail(task, &error)).await,
        Move::Finish => pinned(|| finish(task)).await,
    }
}

async fn start(task: &mut NodeTask) -> Result<(), TaskError> {
    if !task.conductor().planted(Planted::EffectBeforeIntent) {
        let last = last_command(task).await?;
        begin(task, 1, None, last).await?;
    }
    perform(task, 1).await
}

async fn last_command(task: &mut NodeTask) -> Result<Option<LastCommand>, TaskError> {
    let (conductor, node) = (task.conductor().clone(), task.node.clone());
    let Some(step) = current(&node) else {
        return Ok(None);
    };
    let asked = Box::pin(steps::last_command(&conductor, &node, step));
    task.during(asked).await
}

/// A step that was begun, perhaps by a conductor that died.
async fn recover(task: &mut NodeTask, attempt: u32) -> Result<(), TaskError> {
    let Some(step) = current(&task.node).cloned() else {
        return Ok(());
    };
    if task.conductor().planted(Planted::DeathFails) {
        return fail(task, "the conductor has died in the middle of it").await;
    }
    let recovery = match step.recovery {
        Recovery::AskAgent if task.conductor().planted(Planted::DoneAgain) => Recovery::RunAgain,
        recovery => recovery,
    };
    match recovery {
        Recovery::Fail => {
            let error = format!(
                "nobody knows whether {} was done when the conductor stopped: look at the machine",
                step.id
            );
            fail(task, &error).await
        }
        // The attempt stays, and with it the command's id: the agent knows whether it has begun with it.
        Recovery::AskAgent => perform(task, attempt).await,
        Recovery::RunAgain => {
            let attempt = attempt.saturating_add(1);
            begin(
                task,
                attempt,
                Some(What::Resumed {
                    detail: format!("{} is done again", step.id),
                }),
                None,
            )
            .await?;
            perform(task, attempt).await
        }
    }
}

/// Inspection data come before the first heartbeat. Where they did not, the agent still has them.
async fn fetch_inventory(task: &mut NodeTask) -> Result<(), TaskError> {
    let (agent, asked_of) = (AgentClient::of(task.conductor(), &task.node), token(task));
    let asked = async { agent?.ask("poll.get_hardware_info", Object::new()).await };
    match task.during(asked).await? {
        Ok(answer) => {
            let inventory = answer.command_result.unwrap_or_default();
            let data = Object::from_iter([("inventory".to_owned(), inventory)]);
            messages::store_inspection(task, data).await
        }
        // The data have come meanwhile, or the machine has booted again and is going to send them.
        Err(_) if messages::is_inspected(&task.node) || token(task) != asked_of => Ok(()),
        Err(error) => {
            let error = chain(&error);
            fail(
                task,
                &format!(
                    "the ramdisk sent no inspection data, and asking for them failed: {error}"
                ),
            )
            .await
        }
    }
}

fn token(task: &NodeTask) -> Option<Token> {
    task.node.agent.as_ref()?.token.clone()
}

/// The agent is back: what it was doing is begun anew.
async fn take_up(task: &mut NodeTask) -> Result<(), TaskError> {
    let change = task.change().with(|node| {
        if let Some(run) = &mut node.run {
            run.wait = None;
            run.news = None;
        }
    });
    let change = reserve(change, task);
    task.apply(Event::Resume, change).await
}

/// Stores the intent.
async fn begin(
    task: &mut NodeTask,
    attempt: u32,
    also: Option<What>,
    last: Option<LastCommand>,
) -> Result<(), TaskError> {
    let Some(step) = current(&task.node).map(|step| step.id.clone()) else {
        return Ok(());
    };
    let at = task.conductor().now();
    let change = task.change().events(also).event(What::StepStarted {
        step: step.clone(),
        attempt,
    });
    let change = change.with(|node| {
        steps::before(&step, node);
        if let Some(run) = &mut node.run {
            run.phase = StepPhase::Started { attempt, at };
            run.news = None;
            if let Some(last) = last {
                last.note(run);
            }
        }
    });
    let change = reserve(change, task);
    task.save(change).await
}

async fn fail_because(task: &mut NodeTask, error: &StepError) -> Result<(), TaskError> {
    let text = chain(error);
    pinned(|| fail_with(task, &text, error.done())).await
}

/// The effect, and what came of it.
async fn perform(task: &mut NodeTask, attempt: u32) -> Result<(), TaskError> {
    let context = match context(task, attempt).await? {
        Ok(context) => context,
        Err(error) => return fail_because(task, &error).await,
    };
    let effect = tokio::time::timeout(STEP_LIMIT, Box::pin(steps::perform(&context)));
    let outcome = task.during(effect).await?;
    match outcome.unwrap_or(Err(StepError::TookTooLong(STEP_LIMIT))) {
        Ok(outcome) => pinned(|| store_outcome(task, outcome)).await,
        Err(StepError::VersionChanged) => pinned(|| version_change::meet(task)).await,
        Err(error) if error.is_lost_agent() && failure::has_rebooted(&task.node) => {
            pinned(|| failure::meet_reboot(task)).await
        }
        // It may have done what it was told and be silent because of that. A ramdisk holds nothing that would be lost.
        Err(error) if error.is_lost_agent() && steps::silences_the_agent(&context.step.id) => {
            pinned(|| failure::meet_reboot(task)).await
        }
        Err(error) if error.is_lost_agent() => {
            if task.during(steps::is_off(&context.hardware)).await? {
                pinned(|| messages::store_lost_power(task)).await?;
                return pinned(|| fail(task, LOST_POWER)).await;
            }
            fail_because(task, &error).await
        }
        Err(error) => fail_because(task, &error).await,
    }
}

async fn context(
    task: &NodeTask,
    attempt: u32,
) -> Result<Result<StepContext, StepError>, TaskError> {
    let (conductor, node) = (task.conductor().clone(), task.node.clone());
    let (Some(run), Some(step)) = (node.run.clone(), current(&node).cloned()) else {
        return Ok(Err(StepError::Problem("there is no step".to_owned())));
    };
    let ports = task.ports().await?;
    let hardware = match conductor.hardware(&node) {
        Ok(hardware) => hardware,
        Err(error) => return Ok(Err(error)),
    };
    let command_id = id_of(&run, attempt);
    Ok(Ok(StepContext {
        conductor,
        node,
        run,
        step,
        ports,
        hardware,
        command_id,
    }))
}

/// The same for the same attempt at the same step, whichever conductor makes it.
fn id_of(run: &Run, attempt: u32) -> Uuid {
    command_id(&run.id.0, &format!("{} {attempt}", run.index))
}

async fn store_outcome(task: &mut NodeTask, outcome: Outcome) -> Result<(), TaskError> {
    let conductor = task.conductor().clone();
    let change = hardware_records::with_records(&conductor, task.change(), outcome.shown).await?;
    let change = erasures::with_records(task, change, outcome.result.as_ref()).await?;
    let change = change.events(outcome.events).with(|node| {
        let Some(mut run) = node.run.take() else {
            return;
        };
        for edit in outcome.edits {
            edit(node, &mut run);
        }
        node.run = Some(run);
    });
    let Some((reason, limit)) = outcome.wait else {
        return task.save(step_done(change, outcome.detail)).await;
    };
    wait(task, change, reason, limit).await
}

/// Hands over to the machine, or to an operator. A run that waits already waits for this from now on.
pub(super) async fn wait(
    task: &mut NodeTask,
    change: Change,
    reason: WaitReason,
    limit: Duration,
) -> Result<(), TaskError> {
    let since = task.conductor().now();
    let event = match reason {
        WaitReason::Hold => Event::Hold,
        _ => Event::Wait,
    };
    let forgotten = task.conductor().planted(Planted::DeadlineNotStored);
    let deadline = limits::deadline(&reason, since, limit).filter(|_| !forgotten);
    let wait = Wait {
        reason,
        since,
        deadline,
    };
    let change = change.with(|node| {
        node.reservation = None;
        if let Some(run) = &mut node.run {
            run.wait = Some(wait);
        }
    });
    if task.node.provision_state.is_wait() {
        return task.save(change).await;
    }
    task.apply(event, change).await
}

/// An operator says go: the step that held the node is done.
pub(in crate::conductor) async fn unhold(task: &mut NodeTask) -> Result<(), TaskError> {
    let change = reserve(step_done(task.change(), None), task);
    task.apply_each(&[Event::Unhold, Event::Resume], change)
        .await
}

async fn end_command(
    task: &mut NodeTask,
    result: Option<&serde_json::Value>,
) -> Result<(), TaskError> {
    let step = current(&task.node);
    let checked = step.map_or(Ok(()), |step| steps::check_result(step, result));
    if let Err(error) = checked {
        return fail(task, &error).await;
    }
    let change = erasures::with_records(task, task.change(), result).await?;
    let change = change.with(|node| {
        node.internal_info.shift_remove(messages::PROGRESS);
        let Some(mut run) = node.run.take() else {
            return;
        };
        steps::follow_up(node, &mut run, result);
        node.run = Some(run);
    });
    let change = reserve(step_done(change, None), task);
    task.apply(Event::Resume, change).await
}

/// On to the next step.
fn step_done(change: Change, detail: Option<String>) -> Change {
    let mut done = None;
    let change = change.with(|node| {
        let Some(run) = &mut node.run else { return };
        done = run.step().map(|step| step.id.clone());
        run.wait = None;
        run.news = None;
        run.index += 1;
        run.phase = StepPhase::Ready;
    });
    change.events(done.map(|step| What::StepDone { step, detail }))
}

/// Says who works on the node; the right to do so is the lock in memory.
pub(super) fn reserve(change: Change, task: &NodeTask) -> Change {
    let conductor = task.conductor().host().to_owned();
    let since = task.conductor().now();
    change.with(|node| {
        let Some(run) = &node.run else { return };
        let purpose = flows::purpose(run.activity).to_owned();
        node.reservation.get_or_insert(Reservation {
            conductor,
            purpose,
            since,
        });
    })
}

fn current(node: &Node) -> Option<&Step> {
    node.run.as_ref()?.step()
}

/// Whether anything says that the machine has booted again.
pub(super) fn rebooted(run: &Run) -> bool {
    matches!(run.news, Some(News::Rebooted))
}
