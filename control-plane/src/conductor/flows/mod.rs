//! Activities as lists of steps, ordered by a pure function of the node. What a step does is in `steps`.

mod adopt;
mod always_on;
mod clean;
mod deploy;
mod offer;
mod requested;
mod rescue;
mod reserved;
mod service;
mod told;

pub(super) use clean::{around_listed as clean_around, automated as automated_clean};
pub(super) use deploy::{Composed, compose as compose_deploy, is_write_image};
pub(super) use offer::Offer;
pub(super) use requested::{Child, InBand, Rules, listed, need_ramdisk};
pub(super) use rescue::HASH as RESCUE_PASSWORD_HASH;
pub(super) use reserved::{Reserved, seconds};
pub(super) use service::{around_listed as service_around, back_to_instance, has_left_instance};
pub(super) use told::{RUNBOOK, Told};

use crate::config::Steps;
use ferric_agent_protocol::steps::StepKind;
use ferric_model::ids::RunId;
use ferric_model::node::{Node, Object};
use ferric_model::run::{Activity, Run, StepPhase};
use ferric_model::state::ProvisionState;
use ferric_model::step::{Performer, Place, Recovery, Step, StepId, order_verify};
use jiff::Timestamp;

/// Whether an activity works on the machine or only goes through the motions, as the `fake` interfaces do.
pub(super) fn is_real(node: &Node, activity: Activity) -> bool {
    let kind = match activity {
        Activity::Inspect => "inspect",
        Activity::Rescue | Activity::Unrescue => "rescue",
        _ => "deploy",
    };
    node.interface(kind).is_some_and(|name| name != "fake")
}

/// The steps known at the start; those of the agent are added once it is up.
pub(super) fn steps(activity: Activity, node: &Node) -> Vec<Step> {
    for_node(plan(activity, node), node)
}

/// A machine that must not be off is restarted instead.
fn for_node(steps: Vec<Step>, node: &Node) -> Vec<Step> {
    if node.disable_power_off {
        always_on::rewritten(steps)
    } else {
        steps
    }
}

fn plan(activity: Activity, node: &Node) -> Vec<Step> {
    let real = is_real(node, activity);
    match activity {
        Activity::Verify => vec![step("power", "get", 0)],
        Activity::Inspect if real => vec![
            step("power", "off", 100),
            step("boot", "ramdisk", 90),
            step("power", "off", 20),
            step("boot", "clean_up", 10),
        ],
        Activity::Inspect => vec![step("inspect", "fake", 0)],
        Activity::Delete if real => vec![
            step("power", "off", 100),
            step("boot", "clean_up", 50),
            step("deploy", "tear_down", 10),
        ],
        Activity::Delete => vec![step("deploy", "tear_down", 10)],
        Activity::Adopt => adopt::steps(),
        Activity::Rescue if real => rescue::rescue(),
        Activity::Unrescue if real => service::way_back().into(),
        // What stands around, or beside, the steps that drivers, agents, operators and clients want.
        Activity::Deploy | Activity::Rebuild if real => deploy::direct(),
        Activity::Deploy | Activity::Rebuild => vec![step("deploy", "deploy", deploy::RAMDISK)],
        Activity::Clean | Activity::ManualClean if real => clean::around(Vec::new()),
        Activity::Service if real => service::around(Vec::new()),
        Activity::Clean
        | Activity::ManualClean
        | Activity::Rescue
        | Activity::Unrescue
        | Activity::Service => Vec::new(),
    }
}

/// Verifying: can the BMC be reached at all, and then what its interfaces want to be sure of. All of that is done, and
/// what failed is told together at the end.
pub(super) fn verify(driver: &[Offer], settings: &Steps) -> Vec<Step> {
    let wanted = driver.iter().filter_map(|offer| {
        let priority = settings.verify_priority(&offer.id, offer.priority);
        (priority > 0).then(|| offer.step(priority))
    });
    let mut own: Vec<Step> = wanted.collect();
    order_verify(&mut own);
    let mut steps = vec![step("power", "get", 0)];
    if !own.is_empty() {
        steps.append(&mut own);
        steps.push(step("verify", "conclude", 0));
    }
    steps
}

/// Whose commands an agent is given: cleaning and service have their own, everything else that runs an agent deploys.
pub(super) fn kind(activity: Activity) -> StepKind {
    match activity {
        Activity::Clean | Activity::ManualClean => StepKind::Clean,
        Activity::Service => StepKind::Service,
        _ => StepKind::Deploy,
    }
}

/// What is left to do once a run has failed: nothing half-done may run on or boot.
///
/// A run that did not get as far as switching the machine off has not touched it and leaves it alone: an instance that
/// was to be rebuilt from an image that does not exist goes on running.
pub(super) fn clearing_up(run: &Run, node: &Node, power_off: PowerOff) -> Vec<Step> {
    if !has_touched(run) || !is_real(node, run.activity) {
        return Vec::new();
    }
    match run.activity {
        Activity::Deploy
        | Activity::Rebuild
        | Activity::Inspect
        | Activity::Clean
        | Activity::ManualClean
        | Activity::Rescue
        | Activity::Service => {
            let mut steps = vec![step("agent", "collect_logs", 30)];
            if has_written(run) {
                steps.push(step("agent", "discard_image", 25));
            }
            if power_off == PowerOff::Yes {
                steps.push(step("power", "off", 20));
            }
            steps.push(step("boot", "clean_up", 10));
            for_node(steps, node)
        }
        Activity::Verify | Activity::Delete | Activity::Adopt | Activity::Unrescue => Vec::new(),
    }
}

/// Steps of the agent that may be begun again from the start when the machine has booted in the middle of them. What
/// others of its steps have left behind nobody knows: half a RAID, half a firmware.
const REPEATABLE: &[&str] = &[
    "write_image",
    "erase_devices",
    "erase_devices_metadata",
    "erase_devices_express",
    "erase_pstore",
    "clean_uefi_nvram",
    "inject_files",
    "burnin_cpu",
    "burnin_disk",
    "burnin_gpu",
    "burnin_memory",
    "burnin_network",
];

/// Whether a machine that booted in the middle of the step may be made to do it again.
pub(super) fn may_be_repeated(step: &Step) -> bool {
    step.by != Performer::Agent
        || (step.id.interface == "deploy" && REPEATABLE.contains(&step.id.step.as_str()))
}

/// What is left to do when the service of a node is aborted: its instance runs again, if it does not run still.
pub(super) fn way_back(run: &Run, node: &Node) -> Vec<Step> {
    if (has_touched(run) || has_left_instance(node)) && is_real(node, run.activity) {
        back_to_instance(node)
    } else {
        Vec::new()
    }
}

/// Whether the machine does not run what it ran when the run began.
pub(super) fn has_touched(run: &Run) -> bool {
    let begun = &run.steps[..run.steps.len().min(run.index + 1)];
    begun.iter().any(|step| {
        let is_switched_off = step.by == Performer::Reserved
            && step.place == Place::Here
            && Reserved::of(&step.id.step) == Some(Reserved::PowerOff);
        is_switched_off
            || matches!(
                (step.id.interface.as_str(), step.id.step.as_str()),
                ("power", "off" | "restart") | ("boot", "ramdisk") | ("deploy", "deploy")
            )
    })
}

/// Whether a whole image is on the disk: a write that fails takes it back itself.
fn has_written(run: &Run) -> bool {
    let passed = &run.steps[..run.steps.len().min(run.index)];
    passed.iter().any(|step| deploy::is_write_image(&step.id))
}

/// Steps that bring a machine to where work is done on it and back. All others are the work.
pub(super) fn is_part_of_the_frame(step: &StepId) -> bool {
    matches!(
        (step.interface.as_str(), step.step.as_str()),
        ("power", "off" | "on" | "restart")
            | ("boot" | "agent", _)
            | ("deploy", "switch_to_tenant_network")
    )
}

/// Put before a step whose agent was lost.
pub(super) fn boot_ramdisk_again() -> [Step; 2] {
    [step("power", "off", 0), step("boot", "ramdisk", 0)]
}

/// Put before a step that the agent refused, because it offers other steps now.
pub(super) fn ask_for_steps() -> Step {
    ramdisk_step("agent", "get_steps", 0)
}

/// The argument of a step that boots the ramdisk on a machine that boots already.
const RESTARTED_AT: &str = "restarted_at";

/// Put after a step that restarted the machine into the ramdisk.
pub(super) fn await_ramdisk(restarted_at: Timestamp) -> Step {
    let mut step = step("boot", "ramdisk", 0);
    let at = restarted_at.to_string().into();
    step.args.insert(RESTARTED_AT.to_owned(), at);
    step
}

/// When the machine was restarted that is to come up in this step; `None`: the step starts it itself.
pub(super) fn restarted_at(step: &Step) -> Option<Timestamp> {
    step.args.get(RESTARTED_AT)?.as_str()?.parse().ok()
}

/// Somebody else has restarted it since: the step is to start it itself.
pub(super) fn forget_restart(step: &mut Step) {
    if step.by == Performer::Conductor {
        step.args.shift_remove(RESTARTED_AT);
    }
}

/// Put after a step that changed the volumes.
pub(super) fn read_raid_configuration() -> Step {
    step("raid", "read_configuration", 0)
}

/// Whether a machine whose run has failed is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PowerOff {
    Yes,
    No,
}

/// A run at its first step.
pub(super) fn run(id: RunId, activity: Activity, steps: Vec<Step>, started_at: Timestamp) -> Run {
    Run {
        id,
        activity,
        goal: goal(activity),
        started_at,
        steps,
        index: 0,
        phase: StepPhase::Ready,
        wait: None,
        agent_steps_known: false,
        agent_step_version: None,
        news: None,
        failure: None,
        reboots: 0,
        notes: Object::new(),
    }
}

/// The same, with what must be remembered of how the steps were chosen.
pub(super) fn composed_run(
    id: RunId,
    activity: Activity,
    composed: Composed,
    started_at: Timestamp,
) -> Run {
    let mut run = run(id, activity, composed.steps, started_at);
    run.notes.extend(composed.notes);
    run
}

fn goal(activity: Activity) -> ProvisionState {
    match activity {
        Activity::Verify | Activity::Inspect | Activity::ManualClean => ProvisionState::Manageable,
        Activity::Deploy
        | Activity::Rebuild
        | Activity::Adopt
        | Activity::Unrescue
        | Activity::Service => ProvisionState::Active,
        Activity::Delete | Activity::Clean => ProvisionState::Available,
        Activity::Rescue => ProvisionState::Rescue,
    }
}

/// What a node is held for while the activity runs.
pub(super) fn purpose(activity: Activity) -> &'static str {
    match activity {
        Activity::Verify => "verifying",
        Activity::Inspect => "inspecting",
        Activity::Deploy => "deploying",
        Activity::Rebuild => "rebuilding",
        Activity::Delete => "deleting",
        Activity::Clean | Activity::ManualClean => "cleaning",
        Activity::Adopt => "adopting",
        Activity::Rescue => "rescuing",
        Activity::Unrescue => "unrescuing",
        Activity::Service => "servicing",
    }
}

pub(super) fn id(interface: &str, name: &str) -> StepId {
    StepId::new(interface, name)
}

/// A step of the conductor. All of them may be done twice.
fn step(interface: &str, name: &str, priority: u32) -> Step {
    Step {
        id: id(interface, name),
        priority,
        args: Object::new(),
        by: Performer::Conductor,
        abortable: true,
        recovery: Recovery::RunAgain,
        requires_ramdisk: false,
        reboot_requested: false,
        place: Place::Here,
    }
}

/// A step of the conductor that talks to the agent.
fn ramdisk_step(interface: &str, name: &str, priority: u32) -> Step {
    Step {
        requires_ramdisk: true,
        ..step(interface, name, priority)
    }
}

/// A step of the agent, whose command list tells whether it was started.
fn agent_step(interface: &str, name: &str, priority: u32) -> Step {
    Step {
        by: Performer::Agent,
        recovery: Recovery::AskAgent,
        ..ramdisk_step(interface, name, priority)
    }
}

#[cfg(test)]
mod listed_tests;
#[cfg(test)]
mod tests;
