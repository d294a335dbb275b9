//! What follows from a step that the agent has done: what it made is stored, and a machine that must boot again does.

use crate::conductor::flows;
use ferric_model::node::{Node, Object};
use ferric_model::run::{Run, WaitReason};
use ferric_model::step::Step;
use serde_json::Value;
use uuid::Uuid;

/// RAID steps answer with what they made; one that makes a configuration and says nothing has not made it.
///
/// # Errors
/// The sentence that the step fails with.
pub(in crate::conductor) fn check(step: &Step, result: Option<&Value>) -> Result<(), String> {
    let makes = step.id.interface == "raid"
        && ["create_configuration", "apply_configuration"].contains(&step.id.step.as_str());
    let made = result.and_then(raid_config).unwrap_or_default();
    if makes && made.is_empty() {
        return Err("the agent did not say which RAID configuration it made".to_owned());
    }
    Ok(())
}

/// The note with the id of the command that had ended last when the step in hand began; empty: there was none.
const ENDED: &str = "ended_command";

/// An agent that chooses the ids itself goes on listing it: the next step may have the same name.
pub(super) fn note_ended(run: &mut Run, command: &str) {
    run.notes.insert(ENDED.to_owned(), command.into());
}

pub(super) fn has_ended(run: &Run, command: Uuid) -> bool {
    let ended = run.notes.get(ENDED).and_then(Value::as_str);
    ended.is_some_and(|ended| ended == command.to_string())
}

/// Whether it is known what the agent had done before the step in hand.
pub(super) fn is_noted(run: &Run) -> bool {
    run.notes.contains_key(ENDED)
}

/// Before the run goes on to the next step.
pub(in crate::conductor) fn follow_up(node: &mut Node, run: &mut Run, result: Option<&Value>) {
    if let Some(WaitReason::AgentCommand { id, .. }) = run.wait.as_ref().map(|wait| &wait.reason) {
        let id = id.clone();
        note_ended(run, &id);
    }
    if let Some(raid) = result.and_then(raid_config) {
        node.raid_config.extend(raid);
    }
    let deletes = flows::id("raid", "delete_configuration");
    if run.step().is_some_and(|step| step.id == deletes) {
        node.raid_config.clear();
    }
    let reboots = run.step().is_some_and(|step| step.reboot_requested);
    let next = run.steps.len().min(run.index + 1);
    let goes_off = run
        .steps
        .get(next)
        .is_some_and(|step| step.id == flows::id("power", "off"));
    if reboots && !goes_off {
        run.steps.splice(next..next, flows::boot_ramdisk_again());
        // The agent that is up is not to be gone on with.
        node.agent = None;
    }
}

fn raid_config(result: &Value) -> Option<Object> {
    let find = |kind: &str| {
        let step = result.get(format!("{kind}_step"))?;
        (step.get("interface")?.as_str()? == "raid")
            .then(|| result.get(format!("{kind}_result")))?
    };
    find("clean")
        .or_else(|| find("deploy"))
        .or_else(|| find("service"))?
        .as_object()
        .cloned()
}
