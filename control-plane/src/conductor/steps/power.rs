//! Power: reading it, switching off for good, switching on into the instance.

use super::{Outcome, StepContext, StepError, fast_track};
use crate::conductor::flows;
use crate::conductor::planted::Planted;
use crate::conductor::wishes::read_firmware;
use ferric_drivers::{Hardware, PowerAction};
use ferric_model::event::What;
use ferric_model::node::agent_session::{AgentSession, Token};
use ferric_model::run::Run;
use ferric_model::state::PowerState;
use std::time::Duration;

/// For a look that only explains a failure.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// The state as the model names it.
pub(in crate::conductor) fn state(found: Option<ferric_drivers::PowerState>) -> Option<PowerState> {
    found.map(|state| match state {
        ferric_drivers::PowerState::On => PowerState::On,
        ferric_drivers::PowerState::Off => PowerState::Off,
    })
}

/// Can the BMC be reached, and what does it say?
pub(super) async fn get(context: &StepContext) -> Result<Outcome, StepError> {
    let found = context
        .hardware
        .power
        .get()
        .await
        .map_err(StepError::bmc("reading the power state"))?;
    let firmware = read_firmware(context.node.uuid, &context.hardware).await;
    let outcome = Outcome::done().edit(move |node, _| firmware.note(node));
    Ok(noting(outcome, context, state(found)))
}

/// Whether the BMC says, and soon, that the machine is off.
pub(in crate::conductor) async fn is_off(hardware: &Hardware) -> bool {
    let asked = tokio::time::timeout(LOOK_LIMIT, hardware.power.get()).await;
    matches!(asked, Ok(Ok(Some(ferric_drivers::PowerState::Off))))
}

/// Switches off. What the machine ran until now is gone, and so is the secret that it held.
///
/// A machine that must not be off is restarted by the step that needs it, and one on the fast track goes on as it is.
pub(super) async fn off(context: &StepContext) -> Result<Outcome, StepError> {
    if context.node.disable_power_off {
        return Ok(Outcome::done().detail("left on: disable_power_off is set"));
    }
    if fast_track::is_up(context).await {
        return Ok(Outcome::done()
            .detail("left on: fast track")
            .edit(|_, run| note_left_on(run)));
    }
    let set = context.hardware.power.set(PowerAction::Off, None);
    set.await
        .map_err(StepError::bmc("switching the machine off"))?;
    let kept = context.conductor.planted(Planted::TokenKept);
    let outcome =
        Outcome::done().edit(move |node, _| node.agent = node.agent.take().filter(|_| kept));
    Ok(noting(outcome, context, Some(PowerState::Off)))
}

/// What the ramdisk's boot must know: the machine may still be on.
const LEFT_ON: &str = "left_on";

fn note_left_on(run: &mut Run) {
    run.notes.insert(LEFT_ON.to_owned(), true.into());
}

/// Starts the machine with what it is set to boot, whatever it runs now. One that a step has restarted for this boots.
pub(super) async fn boot(context: &StepContext) -> Result<Outcome, StepError> {
    if flows::restarted_at(&context.step).is_some() {
        return on(context).await;
    }
    if context.node.disable_power_off {
        return Ok(voiding(reboot(context).await?, context));
    }
    if context.run.notes.contains_key(LEFT_ON) {
        let set = context.hardware.power.set(PowerAction::Off, None);
        set.await
            .map_err(StepError::bmc("switching the machine off"))?;
        return Ok(voiding(on(context).await?, context));
    }
    on(context).await
}

/// At the end of a flow, where others are switched off.
pub(super) async fn restart(context: &StepContext) -> Result<Outcome, StepError> {
    if fast_track::is_up(context).await {
        return Ok(Outcome::done().detail("left on: fast track"));
    }
    for_good(context).await
}

/// Boots the instance of a machine that is off, or that must not be.
pub(super) async fn into_instance(context: &StepContext) -> Result<Outcome, StepError> {
    if context.node.disable_power_off {
        for_good(context).await
    } else {
        on(context).await
    }
}

pub(super) async fn reboot(context: &StepContext) -> Result<Outcome, StepError> {
    let set = context.hardware.power.set(PowerAction::Reboot, None);
    set.await
        .map_err(StepError::bmc("restarting the machine"))?;
    Ok(noting(Outcome::done(), context, Some(PowerState::On)))
}

/// No ramdisk comes after this one.
async fn for_good(context: &StepContext) -> Result<Outcome, StepError> {
    Ok(reboot(context).await?.edit(|node, _| node.agent = None))
}

/// The ramdisk that was up before is gone, with its token. The next one may have looked up by now, and is not meant.
pub(super) fn voiding(outcome: Outcome, context: &StepContext) -> Outcome {
    let gone = token(context.node.agent.as_ref()).cloned();
    outcome.edit(move |node, _| {
        if token(node.agent.as_ref()) == gone.as_ref() {
            node.agent = None;
        }
    })
}

fn token(session: Option<&AgentSession>) -> Option<&Token> {
    session.and_then(|session| session.token.as_ref())
}

/// Switches on: the instance boots.
pub(super) async fn on(context: &StepContext) -> Result<Outcome, StepError> {
    let set = context.hardware.power.set(PowerAction::On, None);
    set.await
        .map_err(StepError::bmc("switching the machine on"))?;
    Ok(noting(Outcome::done(), context, Some(PowerState::On)))
}

/// Stores the power state, with an event if it is another one.
pub(super) fn noting(outcome: Outcome, context: &StepContext, to: Option<PowerState>) -> Outcome {
    let from = context.node.power_state;
    let outcome = outcome.edit(move |node, _| {
        node.power_state = to;
        node.target_power_state = None;
    });
    if from == to {
        outcome
    } else {
        outcome.event(What::PowerChanged { from, to })
    }
}
