//! Deploying with the `direct` interface: Ironic's steps with its priorities, and what clients and the agent add.

use super::{agent_step, id, step};
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use ferric_model::run::Run;
use ferric_model::step::{Performer, Step, StepId};

/// The priority of `deploy.deploy`, which boots the ramdisk: no step of the agent can come before it.
const RAMDISK: u32 = 100;

/// The steps of every deploy, highest priority first.
pub(super) fn direct() -> Vec<Step> {
    vec![
        step("deploy", "check_image", 102),
        step("power", "off", 101),
        step("deploy", "deploy", RAMDISK),
        step("agent", "get_steps", RAMDISK),
        agent_step("deploy", "write_image", 80),
        step("deploy", "prepare_instance_boot", 60),
        step("deploy", "tear_down_agent", 40),
        step("deploy", "switch_to_tenant_network", 30),
        step("deploy", "boot_instance", 20),
    ]
}

/// Why a step that a client asked for cannot be part of the deploy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::conductor) enum StepRequestError {
    #[error("the deploy step {0} needs a priority")]
    NoPriority(StepId),
    #[error("the deploy step deploy.deploy can only be disabled (priority 0), not changed")]
    Core,
    #[error("the deploy step {0} needs a priority below {RAMDISK}: the agent is not up before")]
    BeforeRamdisk(StepId),
}

/// The steps with those that a client asked for: priority 0 takes a step out, others are put in their place or changed.
///
/// # Errors
/// [`StepRequestError`] names the step.
pub(in crate::conductor) fn with_requested(
    mut steps: Vec<Step>,
    requested: &[RequestedStep],
) -> Result<Vec<Step>, StepRequestError> {
    for request in requested {
        let wanted = id(&request.interface, &request.step);
        let priority = request
            .priority
            .ok_or_else(|| StepRequestError::NoPriority(wanted.clone()))?;
        let place = steps.iter().position(|step| step.id == wanted);
        if wanted == id("deploy", "deploy") && priority > 0 {
            return Err(StepRequestError::Core);
        }
        let known = place.map(|place| steps.remove(place));
        if priority == 0 {
            continue;
        }
        let mut step =
            known.unwrap_or_else(|| agent_step(&request.interface, &request.step, priority));
        if step.by == Performer::Agent && priority >= RAMDISK {
            return Err(StepRequestError::BeforeRamdisk(step.id));
        }
        step.priority = priority;
        step.args = request.args.clone();
        insert(&mut steps, step);
    }
    Ok(steps)
}

/// The run's steps once the agent has told its own: those with a priority that nobody else has named.
///
/// # Errors
/// A sentence that names a step that was asked for and that nobody offers.
pub(in crate::conductor) fn with_agent_steps(
    run: &Run,
    offered: &[StepSpec],
) -> Result<Vec<Step>, String> {
    let mut steps = run.steps.clone();
    let offers = |step: &StepId| {
        offered
            .iter()
            .any(|spec| spec.interface == step.interface && spec.step == step.step)
    };
    if let Some(unknown) = steps
        .iter()
        .find(|step| step.by == Performer::Agent && !offers(&step.id))
    {
        return Err(format!(
            "the agent does not offer the deploy step {}",
            unknown.id
        ));
    }
    for spec in offered {
        let wanted = id(&spec.interface, &spec.step);
        let priority = u32::try_from(spec.priority).unwrap_or(0).min(RAMDISK - 1);
        if priority > 0 && steps.iter().all(|step| step.id != wanted) {
            insert(
                &mut steps,
                agent_step(&spec.interface, &spec.step, priority),
            );
        }
    }
    Ok(steps)
}

/// Behind all steps of at least its priority.
fn insert(steps: &mut Vec<Step>, step: Step) {
    let place = steps
        .iter()
        .position(|other| other.priority < step.priority)
        .unwrap_or(steps.len());
    steps.insert(place, step);
}
