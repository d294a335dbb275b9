//! The steps that every node has: power, hold and wait, and any step that is done on child nodes.

use super::{Outcome, StepContext, StepError, power};
use crate::conductor::flows::{self, Reserved};
use ferric_drivers::PowerAction;
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::AgentSession;
use ferric_model::run::Run;
use ferric_model::state::PowerState;
use ferric_model::step::{Performer, Place, Step};
use std::time::Duration;

pub(super) async fn perform(context: &StepContext) -> Result<Outcome, StepError> {
    let Some(step) = Reserved::of(&context.step.id.step) else {
        return Err(StepError::Unknown(context.step.id.clone()));
    };
    match step {
        Reserved::PowerOn if agent_is_needed(&context.run) => Ok(with_ramdisk(context)),
        Reserved::PowerOn => power::on(context).await,
        Reserved::PowerOff => power_off(context).await,
        Reserved::Reboot if agent_is_needed(&context.run) => Ok(boot_again()),
        Reserved::Reboot => power::reboot(context).await,
        Reserved::Hold => Ok(Outcome::hold()),
        Reserved::Wait => wait(context).await,
    }
}

/// Whether the step in hand starts the machine with what it boots by itself, and not with the ramdisk.
pub(super) fn boots_by_itself(run: &Run) -> bool {
    let ours = |step: &&Step| step.by == Performer::Reserved && step.place == Place::Here;
    let step = run.step().filter(ours);
    let starts = step.and_then(|step| Reserved::of(&step.id.step));
    matches!(starts, Some(Reserved::PowerOn | Reserved::Reboot)) && !agent_is_needed(run)
}

/// Whether a later step of the run talks to the agent: then the machine has to come up with the ramdisk.
fn agent_is_needed(run: &Run) -> bool {
    run.steps.iter().skip(run.index + 1).any(Step::needs_agent)
}

fn with_ramdisk(context: &StepContext) -> Outcome {
    let agent = context.node.agent.as_ref();
    let is_on = context.node.power_state == Some(PowerState::On);
    if is_on && agent.is_some_and(AgentSession::is_ready) {
        return Outcome::done().detail("the agent is up");
    }
    boot_again()
}

/// The ramdisk is brought up by steps of their own, so that a crash in between is met as in any other place.
pub(super) fn boot_again() -> Outcome {
    Outcome::done().edit(|node, run| {
        // Whatever agent is up is not to be gone on with.
        node.agent = None;
        let next = run.steps.len().min(run.index + 1);
        run.steps.splice(next..next, flows::boot_ramdisk_again());
    })
}

/// Off, also where a flow would leave the machine on for the sake of speed.
async fn power_off(context: &StepContext) -> Result<Outcome, StepError> {
    let set = context.hardware.power.set(PowerAction::Off, None);
    set.await
        .map_err(StepError::bmc("switching the machine off"))?;
    let outcome = Outcome::done().edit(|node, _| node.agent = None);
    Ok(power::noting(outcome, context, Some(PowerState::Off)))
}

async fn wait(context: &StepContext) -> Result<Outcome, StepError> {
    let seconds = flows::seconds(&context.step.args).ok_or_else(|| {
        StepError::Problem("it is not said how many seconds are to be waited for".to_owned())
    })?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(Outcome::done().detail(format!("{seconds} s")))
}

/// One step for each child, so that each has its own line in the journal: after a crash only the child in hand is
/// looked at again.
pub(super) async fn for_each_child(
    context: &StepContext,
    only: &[NodeId],
) -> Result<Outcome, StepError> {
    let children = context.conductor.child_nodes(context.node.uuid).await;
    let children = children.map_err(|error| StepError::Problem(super::chain(&error)))?;
    let missing = only
        .iter()
        .find(|wanted| children.iter().all(|child| child.uuid != **wanted));
    if let Some(missing) = missing {
        return Err(StepError::Problem(format!(
            "child node {missing}: it is not a child of this node any more"
        )));
    }
    let meant = children
        .iter()
        .filter(|child| only.is_empty() || only.contains(&child.uuid));
    let steps: Vec<Step> = meant
        .map(|child| Step {
            place: Place::Child(child.uuid),
            ..context.step.clone()
        })
        .collect();
    let detail = match steps.len() {
        0 => "there are no child nodes".to_owned(),
        count => format!("{count} child nodes"),
    };
    Ok(Outcome::done().detail(detail).edit(move |_, run| {
        let next = run.steps.len().min(run.index + 1);
        run.steps.splice(next..next, steps);
    }))
}

pub(super) async fn on_child(context: &StepContext, child: NodeId) -> Result<Outcome, StepError> {
    context.conductor.do_on_child(child, context).await?;
    Ok(Outcome::done().detail(format!("child node {child}")))
}
