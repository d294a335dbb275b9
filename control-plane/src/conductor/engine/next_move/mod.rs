//! What is to be done next for a node, from nothing but what is stored. Pure: the engine does it.
//!
//! The node's state decides, not the message that led here, so a timer, a heartbeat and a restart do the same thing.

use ferric_model::node::Node;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::run::{News, Run, StepPhase, Wait, WaitReason};
use ferric_model::step::Step;
use jiff::{SignedDuration, Timestamp};

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    /// Nothing, until something is heard or a deadline passes.
    Rest,
    /// What the step waited for is there: the step is done.
    EndWait,
    /// The agent is back after a reboot: take the step up again.
    TakeUp,
    /// The ramdisk is up and its inspection data never came: they were sent while nobody listened. Ask for them.
    FetchInventory,
    /// The agent's command is over.
    EndCommand {
        error: Option<String>,
        result: Option<serde_json::Value>,
    },
    /// The machine booted again in the middle of the step.
    MeetReboot,
    /// The agent did not begin with the step: it offers other steps now.
    MeetVersionChange,
    /// The step's wait cannot end well any more.
    Fail(String),
    /// An abort was asked for while a step was under way that must not be interrupted; it is over.
    Abort,
    /// The step needs an agent and none is up: boot the ramdisk first.
    BringUp,
    /// Do the step.
    Start,
    /// The step was started by somebody who did not live to see its end.
    Recover { attempt: u32 },
    /// All steps are done.
    Finish,
}

/// What the end of a wait is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) now: Timestamp,
    /// For how long whatever a machine said could be stored.
    pub(super) heard_for: SignedDuration,
    /// A machine that can be heard for so long, and is not, is silent.
    pub(super) patience: SignedDuration,
}

impl Watch {
    /// Whether the time is over. A conductor that was cut off from its store, or stopped, has not heard what was said to it
    /// meanwhile: it listens for a while first.
    fn is_over(&self, wait: &Wait) -> bool {
        let Some(deadline) = wait.deadline else {
            return false;
        };
        let whole = deadline.duration_since(wait.since);
        deadline <= self.now && self.heard_for >= self.patience.min(whole)
    }
}

pub(super) fn next_move(node: &Node, watch: Watch) -> Move {
    let Some(run) = &node.run else {
        return Move::Rest;
    };
    if let Some(wait) = &run.wait {
        // As in Ironic, a node in maintenance is left as it is: somebody works on the machine.
        return if node.maintenance {
            Move::Rest
        } else {
            after_wait(node, run, wait, watch)
        };
    }
    if run.index >= run.steps.len() {
        return Move::Finish;
    }
    match run.phase {
        StepPhase::Ready if abort_is_due(run) => Move::Abort,
        StepPhase::Ready if lacks_agent(node, run) => Move::BringUp,
        StepPhase::Ready => Move::Start,
        StepPhase::Started { attempt, .. } => Move::Recover { attempt },
    }
}

/// What `last_error` says of a machine that went off by itself.
pub(super) const LOST_POWER: &str = "the machine lost power in the middle of it (the BMC says that it is off): \
                                     check its power supply, then start again";
/// What it says when somebody took the power away on purpose.
const SWITCHED_OFF: &str =
    "the machine was switched off by request in the middle of it: start again when it may run";
/// What `last_error` says after an abort; clients look for the word.
pub(in crate::conductor) const ABORTED: &str = "aborted by request";
/// The note of a run that is to be aborted when its step, which must not be interrupted, is over.
pub(crate) const ABORT_AFTER: &str = "abort_after";

fn abort_is_due(run: &Run) -> bool {
    run.failure.is_none() && run.notes.contains_key(ABORT_AFTER)
}

/// The machine was switched or restarted by request while the run did not wait for it.
fn lacks_agent(node: &Node, run: &Run) -> bool {
    let is_ready = node.agent.as_ref().is_some_and(AgentSession::is_ready);
    run.failure.is_none() && !is_ready && run.step().is_some_and(Step::needs_agent)
}

fn after_wait(node: &Node, run: &Run, wait: &Wait, watch: Watch) -> Move {
    let ready = node.agent.as_ref().is_some_and(AgentSession::is_ready);
    match (&wait.reason, &run.news) {
        (WaitReason::InspectionData, Some(News::InspectionDone)) => Move::EndWait,
        (WaitReason::InspectionData, Some(News::InspectionFailed { error })) => {
            Move::Fail(error.clone())
        }
        (WaitReason::InspectionData, _) if ready => Move::FetchInventory,
        (
            WaitReason::AgentCommand { id, .. },
            Some(News::CommandEnded {
                id: ended,
                error,
                result,
            }),
        ) if id == ended => Move::EndCommand {
            error: error.clone(),
            result: result.clone(),
        },
        (WaitReason::AgentCommand { id, .. }, Some(News::VersionChanged { id: refused }))
            if id == refused =>
        {
            Move::MeetVersionChange
        }
        (WaitReason::Hardware { job, .. }, Some(News::HardwareEnded { job: ended, error }))
            if job == ended =>
        {
            error.clone().map_or(Move::EndWait, Move::Fail)
        }
        (WaitReason::AgentCommand { .. }, Some(News::Rebooted)) => Move::MeetReboot,
        (_, Some(News::LostPower)) => Move::Fail(LOST_POWER.to_owned()),
        (_, Some(News::SwitchedOff)) => Move::Fail(SWITCHED_OFF.to_owned()),
        (_, Some(News::Restarted)) => Move::MeetReboot,
        (WaitReason::AgentBoot, _) if ready => Move::EndWait,
        (WaitReason::AgentReboot, _) if ready => Move::TakeUp,
        _ if watch.is_over(wait) => Move::Fail(timed_out(wait, watch.now)),
        _ => Move::Rest,
    }
}

fn timed_out(wait: &Wait, now: Timestamp) -> String {
    let seconds = now.duration_since(wait.since).as_secs();
    match &wait.reason {
        WaitReason::AgentBoot | WaitReason::AgentReboot => format!(
            "timed out: the ramdisk did not call back within {seconds} s; look at the machine's console and at \
             its boot requests on the timeline"
        ),
        WaitReason::InspectionData => format!(
            "timed out: the ramdisk sent no inspection data within {seconds} s; look at the machine's console \
             and at its boot requests on the timeline"
        ),
        WaitReason::AgentCommand { step, .. } => format!(
            "timed out: the agent did not finish {step} and was not heard of for too long ({seconds} s after it \
             began); look at the machine's console and its network"
        ),
        WaitReason::Hardware { job, step } => format!(
            "timed out: the BMC did not finish {step} within {seconds} s (the conductor was {job}); look at the BMC's \
             own list of jobs"
        ),
        WaitReason::Hold => format!("timed out after {seconds} s"),
    }
}

#[cfg(test)]
mod tests;
