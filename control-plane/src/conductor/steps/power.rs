//! Power: reading it, switching off for good, switching on into the instance.

use super::{Outcome, StepContext, StepError};
use ferric_drivers::{Hardware, PowerAction};
use ferric_model::event::What;
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
    Ok(noting(Outcome::done(), context, state(found)))
}

/// Whether the BMC says, and soon, that the machine is off.
pub(in crate::conductor) async fn is_off(hardware: &Hardware) -> bool {
    let asked = tokio::time::timeout(LOOK_LIMIT, hardware.power.get()).await;
    matches!(asked, Ok(Ok(Some(ferric_drivers::PowerState::Off))))
}

/// Switches off. What the machine ran until now is gone, and so is the secret that it held.
pub(super) async fn off(context: &StepContext) -> Result<Outcome, StepError> {
    let set = context.hardware.power.set(PowerAction::Off, None);
    set.await
        .map_err(StepError::bmc("switching the machine off"))?;
    let outcome = Outcome::done().edit(|node, _| node.agent = None);
    Ok(noting(outcome, context, Some(PowerState::Off)))
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
