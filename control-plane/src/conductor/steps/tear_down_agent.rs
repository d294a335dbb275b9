//! Switches the machine off after the image was written: by the agent if it can, so that disks are flushed, else by the BMC.
//!
//! A machine that must not be off is left on with an agent that is locked down.

use super::{Outcome, StepContext, StepError, chain, power};
use crate::conductor::agent::{AgentClient, command_id};
use ferric_drivers::{PowerAction, PowerState};
use ferric_model::event::What;
use ferric_model::node::Object;
use std::time::Duration;

const POLLS: u32 = 7;
const POLL_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn tear_down(context: &StepContext) -> Result<Outcome, StepError> {
    let outcome = Outcome::done().edit(|node, _| node.agent = None);
    if is_off(context).await? {
        return Ok(power::noting(
            outcome,
            context,
            power::state(Some(PowerState::Off)),
        ));
    }
    if context.node.disable_power_off {
        return Ok(match lock_down(context).await {
            Ok(()) => outcome,
            // The restart that follows ends it all the same.
            Err(error) => outcome.event(What::Note {
                text: format!("the agent was not locked down: {}", chain(&error)),
            }),
        });
    }
    match ask_agent(context).await {
        Ok(true) => Ok(power::noting(
            outcome,
            context,
            power::state(Some(PowerState::Off)),
        )),
        Ok(false) => by_bmc(context, outcome, "the machine did not switch itself off").await,
        // A sync of the disks was part of writing the image, so nothing is lost by cutting the power.
        Err(error) => by_bmc(context, outcome, &chain(&error)).await,
    }
}

/// On a machine that must not be off: disks are flushed, and the agent lets go of the network until the restart.
async fn lock_down(context: &StepContext) -> Result<(), StepError> {
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    agent.ask("standby.sync", Object::new()).await?;
    let id = command_id(&context.command_id, "lockdown");
    agent.start("system.lockdown", Object::new(), id).await?;
    let quick = agent.within(POLL_INTERVAL);
    for _ in 0..POLLS {
        if quick.list().await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Err(StepError::Problem("it goes on answering".to_owned()))
}

/// Whether the machine is off in the end.
async fn ask_agent(context: &StepContext) -> Result<bool, StepError> {
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let id = command_id(&context.command_id, "power_off");
    agent.start("standby.power_off", Object::new(), id).await?;
    for _ in 0..POLLS {
        if is_off(context).await? {
            return Ok(true);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(false)
}

async fn is_off(context: &StepContext) -> Result<bool, StepError> {
    let found = context
        .hardware
        .power
        .get()
        .await
        .map_err(StepError::bmc("reading the power state"))?;
    Ok(found == Some(PowerState::Off))
}

async fn by_bmc(context: &StepContext, outcome: Outcome, why: &str) -> Result<Outcome, StepError> {
    let set = context.hardware.power.set(PowerAction::Off, None);
    set.await
        .map_err(StepError::bmc("switching the machine off"))?;
    let note = What::Note {
        text: format!("switched off by the BMC: {why}"),
    };
    Ok(power::noting(
        outcome.event(note),
        context,
        power::state(Some(PowerState::Off)),
    ))
}
