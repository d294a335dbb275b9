//! Servicing: boot the ramdisk, do the steps that were asked for in the order given, boot the instance again.

use super::{agent_step, for_node, id, is_part_of_the_frame, step};
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use ferric_model::node::Node;
use ferric_model::run::Run;
use ferric_model::step::{Performer, Step};

/// The steps before and after those that are asked for.
pub(super) fn around_requested_steps() -> Vec<Step> {
    let mut steps = vec![
        step("power", "off", 0),
        step("boot", "ramdisk", 0),
        step("agent", "get_steps", 0),
    ];
    steps.extend(way_back());
    steps
}

fn way_back() -> [Step; 4] {
    [
        step("power", "off", 0),
        step("boot", "disk", 0),
        step("deploy", "switch_to_tenant_network", 0),
        step("power", "on", 0),
    ]
}

/// Whatever the machine runs now, it runs its instance after these.
pub(in crate::conductor) fn back_to_instance(node: &Node) -> Vec<Step> {
    for_node(way_back().into(), node)
}

/// Steps that were asked for, in the order given, between those that boot the ramdisk and the instance.
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

/// The steps that were asked for and nothing else: the machine goes on running what it runs.
///
/// # Errors
/// A sentence that names a step that only the agent can do.
pub(in crate::conductor) fn without_ramdisk(mut steps: Vec<Step>) -> Result<Vec<Step>, String> {
    if let Some(step) = steps.iter().find(|step| step.by == Performer::Agent) {
        return Err(format!(
            "the step {} is done by the agent in the ramdisk: leave disable_ramdisk out",
            step.id
        ));
    }
    steps.retain(|step| !is_part_of_the_frame(&step.id));
    Ok(steps)
}

/// The run's steps once the agent has told which of them may be aborted.
///
/// # Errors
/// A sentence that names a step that was asked for and that nobody offers.
pub(in crate::conductor) fn with_agent_steps(
    run: &Run,
    offered: &[StepSpec],
) -> Result<Vec<Step>, String> {
    let mut steps = run.steps.clone();
    for step in steps.iter_mut().filter(|step| step.by == Performer::Agent) {
        let spec = offered
            .iter()
            .find(|spec| spec.interface == step.id.interface && spec.step == step.id.step)
            .ok_or_else(|| format!("the agent does not offer the service step {}", step.id))?;
        step.abortable = spec.abortable;
    }
    Ok(steps)
}
