//! Steps that a machine's BMC does, also those that it finishes by itself: the interface is asked, and what is pending
//! becomes a wait that the driver's periodic job ends.
//!
//! The intent is stored before, by the engine. Every operation of a driver looks first how far the machine is, so that
//! after a crash it is simply asked again; docs/hardware-steps.md says for each step what it looks at.

mod bios;
mod bmc_clock;
mod firmware;
mod raid;
mod secure_boot;

use super::{Outcome, StepContext, StepError, boot, power, reserved};
use crate::conductor::flows;
use crate::conductor::periodic::of_drivers::await_job;
use crate::config::seconds;
use ferric_drivers::{
    Drivers, InterfaceKind, KeysReset, OfferedStep, PowerAction, Restart, Started, check_arguments,
};
use ferric_model::node::NetworkBoot;
use ferric_model::run::StepPhase;
use ferric_model::state::PowerState;
use ferric_model::step::Step;

/// Does the step, if it is one of a hardware interface; `None`: it is not.
pub(super) async fn perform(context: &StepContext) -> Option<Result<Outcome, StepError>> {
    let id = &context.step.id;
    let outcome = match (id.interface.as_str(), id.step.as_str()) {
        ("bios", "apply_configuration") => bios::apply_configuration(context).await,
        ("bios", "factory_reset") => bios::factory_reset(context).await,
        ("firmware", "update") => firmware::update(context).await,
        ("management", "clear_secure_boot_keys") => {
            secure_boot::reset_keys(context, KeysReset::Clear).await
        }
        ("management", "reset_secure_boot_keys_to_default") => {
            secure_boot::reset_keys(context, KeysReset::ToDefault).await
        }
        ("management", "set_bmc_clock") => bmc_clock::set(context).await,
        ("management", "verify_bmc_clock") => bmc_clock::verify(context).await,
        ("raid", "apply_configuration") => raid::apply_configuration(context).await,
        ("raid", "create_configuration") => raid::create_configuration(context).await,
        ("raid", "delete_configuration") => raid::delete_configuration(context).await,
        ("raid", "read_configuration") => raid::read_configuration(context).await,
        _ => return None,
    };
    Some(outcome)
}

/// Refuses arguments that the step does not take. The API did so before, but templates and runbooks live longer than one
/// release.
fn check(context: &StepContext) -> Result<(), StepError> {
    let id = &context.step.id;
    let interfaces = context.conductor.interfaces(&context.node)?;
    let offered = Drivers::steps(&interfaces);
    let is_meant = |step: &&&OfferedStep| {
        step.interface.name() == id.interface.as_str() && step.name == id.step.as_str()
    };
    let Some(step) = offered.iter().find(is_meant) else {
        return Err(StepError::Unknown(id.clone()));
    };
    check_arguments(&id.to_string(), step.arguments, &context.step.args)
        .map_err(|error| StepError::Problem(error.to_string()))
}

/// The interface that the step needs is one that does nothing.
fn no_interface(context: &StepContext, kind: InterfaceKind) -> StepError {
    let name = context.node.interface(kind.name()).unwrap_or("none");
    StepError::Problem(format!(
        "the node's {kind} interface '{name}' cannot do it: choose another {}",
        kind.field()
    ))
}

/// What became of asking an interface: done, or a wait for its periodic job. Where the machine must be restarted for it
/// to go on, it is restarted here, into the ramdisk where the run works with one.
async fn answer(
    context: &StepContext,
    kind: InterfaceKind,
    started: Started,
) -> Result<Outcome, StepError> {
    let Started::Pending { record, restart } = started else {
        // An attempt that was cut short may have restarted the machine, or not: nobody knows what it runs now.
        return Ok(if is_first_attempt(context) || !has_ramdisk(context) {
            Outcome::done()
        } else {
            reserved::boot_again()
        });
    };
    let implementation = context.node.interface(kind.name()).unwrap_or_default();
    let Some(job) = Drivers::watch_of(kind, implementation) else {
        return Err(no_interface(context, kind));
    };
    let settings = &context.conductor.settings().conductor;
    let limit = seconds(settings.hardware_task_timeout_s);
    let outcome = await_job(job, context.step.id.clone(), record, limit);
    if restart == Restart::NotNeeded {
        return Ok(outcome);
    }
    if has_ramdisk(context) {
        boot::direct_to_ramdisk(context).await?;
    }
    let at = context.conductor.now();
    let set = context.hardware.power.set(PowerAction::Reboot, None);
    set.await
        .map_err(StepError::bmc("restarting the machine for it"))?;
    let outcome = power::noting(outcome, context, Some(PowerState::On));
    if !has_ramdisk(context) {
        return Ok(outcome);
    }
    // The steps after this one wait for the ramdisk that the machine boots.
    let outcome = power::voiding(outcome, context);
    Ok(followed_by(outcome, flows::await_ramdisk(at)))
}

fn is_first_attempt(context: &StepContext) -> bool {
    matches!(context.run.phase, StepPhase::Started { attempt: 1, .. })
}

/// Whether the run works with the ramdisk.
fn has_ramdisk(context: &StepContext) -> bool {
    context.node.network_boot == NetworkBoot::Ramdisk
}

/// What is added last comes directly after this step.
fn followed_by(outcome: Outcome, step: Step) -> Outcome {
    outcome.edit(move |_, run| {
        let next = run.steps.len().min(run.index + 1);
        run.steps.insert(next, step);
    })
}

#[cfg(test)]
mod abort_tests;
#[cfg(test)]
mod redfish_tests;
#[cfg(test)]
mod tests;
