//! Cleaning: boot the ramdisk, let the agent do its clean steps, switch off.

use super::{agent_step, id, step};
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use ferric_model::run::{Activity, Run};
use ferric_model::step::{Performer, Step, order};

/// The steps before and after those of the agent.
pub(super) fn around_agent_steps() -> Vec<Step> {
    vec![
        step("power", "off", 0),
        step("boot", "ramdisk", 0),
        step("agent", "get_steps", 0),
        step("power", "off", 0),
        step("boot", "clean_up", 0),
    ]
}

/// The run's steps once the agent has told its own: automated cleaning does those with a priority, highest first;
/// manual cleaning those that were asked for, in the order given.
///
/// # Errors
/// A sentence that names a step that was asked for and that nobody offers.
pub(in crate::conductor) fn with_agent_steps(
    run: &Run,
    offered: &[StepSpec],
) -> Result<Vec<Step>, String> {
    let mut steps = run.steps.clone();
    if run.activity == Activity::ManualClean {
        for asked in steps.iter().filter(|step| step.by == Performer::Agent) {
            let known = offered
                .iter()
                .any(|spec| spec.interface == asked.id.interface && spec.step == asked.id.step);
            if !known {
                return Err(format!(
                    "the agent does not offer the clean step {}",
                    asked.id
                ));
            }
        }
        return Ok(steps);
    }
    let mut own: Vec<Step> = offered.iter().filter_map(automated).collect();
    order(&mut own);
    own.dedup_by(|one, other| one.id == other.id);
    steps.splice(run.index + 1..run.index + 1, own);
    Ok(steps)
}

fn automated(spec: &StepSpec) -> Option<Step> {
    let priority = u32::try_from(spec.priority)
        .ok()
        .filter(|priority| *priority > 0)?;
    let abortable = spec.abortable;
    Some(Step {
        abortable,
        ..agent_step(&spec.interface, &spec.step, priority)
    })
}

/// Steps that were asked for, in the order given, between those that boot and switch off.
pub(in crate::conductor) fn with_requested(
    mut steps: Vec<Step>,
    requested: &[RequestedStep],
) -> Vec<Step> {
    let place = steps
        .iter()
        .position(|step| step.id == id("agent", "get_steps"))
        .map_or(0, |place| place + 1);
    let asked = requested.iter().map(|request| Step {
        args: request.args.clone(),
        ..agent_step(&request.interface, &request.step, 0)
    });
    steps.splice(place..place, asked);
    steps
}
