//! What a poll of the agent found: progress, the end of the command, or nothing and a machine without power.

use super::{agent_log, awaited_command, tell};
use crate::conductor::agent::failure;
use crate::conductor::environment::later;
use crate::conductor::limits;
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use ferric_agent_protocol::command::{CommandList, CommandResult, CommandStatus};
use ferric_agent_protocol::progress::Progress;
use ferric_model::event::What;
use ferric_model::run::{News, WaitReason};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Where progress is shown in `driver_internal_info`.
pub(in crate::conductor) const PROGRESS: &str = "ferric_progress";

/// Marks of one phase are stored no more often than this.
const MARK_SPACING_MS: u64 = 10_000;

pub(super) async fn merge(
    task: &mut NodeTask,
    wait: &str,
    mut list: CommandList,
) -> Result<(), TaskError> {
    if awaited_command(&task.node) != Some(wait) {
        return Ok(()); // The step is over since.
    }
    let place = list
        .commands
        .iter()
        .position(|command| command.id.to_string() == wait);
    let Some(command) = place.map(|place| list.commands.swap_remove(place)) else {
        return note_loss(
            task,
            "the agent has forgotten the command that it was working on",
        )
        .await;
    };
    let change = agent_log::add(
        progress(task, &command),
        task,
        list.ferric_log,
        agent_log::spacing_of_polls(&command),
    );
    let change = extend(change, task).with(|node| {
        if let Some(session) = &mut node.agent {
            session.is_alive();
        }
    });
    let mismatch = [
        CommandStatus::CleanVersionMismatch,
        CommandStatus::VersionMismatch,
    ];
    if mismatch.contains(&command.command_status) {
        let news = News::VersionChanged {
            id: wait.to_owned(),
        };
        return task.save(change.with(|node| tell(node, news))).await;
    }
    if command.is_done() {
        let (error, result) = (failure(&command), command.command_result);
        let news = News::CommandEnded {
            id: wait.to_owned(),
            error,
            result,
        };
        return task.save(change.with(|node| tell(node, news))).await;
    }
    task.save_if_changed(change).await
}

pub(super) async fn lost_power(task: &mut NodeTask, wait: &str) -> Result<(), TaskError> {
    if awaited_command(&task.node) != Some(wait) {
        return Ok(());
    }
    store_lost_power(task).await
}

/// While the ramdisk was to come up the machine went off by itself.
pub(super) async fn off_at_boot(task: &mut NodeTask, since: Timestamp) -> Result<(), TaskError> {
    let wait = task.node.run.as_ref().and_then(|run| run.wait.as_ref());
    if wait.is_none_or(|wait| wait.since != since) {
        return Ok(()); // That wait is over.
    }
    store_lost_power(task).await
}

/// What the BMC says of a machine that should be on.
pub(in crate::conductor) async fn store_lost_power(task: &mut NodeTask) -> Result<(), TaskError> {
    let from = task.node.power_state;
    let to = Some(ferric_model::state::PowerState::Off);
    let change = task
        .change()
        .event(What::PowerChanged { from, to })
        .with(|node| {
            node.power_state = to;
            tell(node, News::LostPower);
        });
    task.save(change).await
}

/// The agent does not answer any more, and something was heard of a machine that boots.
pub(super) async fn lost_agent(task: &mut NodeTask, wait: &str) -> Result<(), TaskError> {
    if awaited_command(&task.node) != Some(wait) {
        return Ok(());
    }
    // A ramdisk that has looked up already was given asterisks, and waits for a restart of the machine for ever.
    let is_still_booting = task
        .node
        .agent
        .as_ref()
        .is_some_and(|session| session.boot_requested && session.lookups <= 1);
    if !is_still_booting {
        return note_loss(task, "the agent is gone and another ramdisk has looked up").await;
    }
    let text = "the machine boots the ramdisk again in the middle of the activity".to_owned();
    let change = task.change().event(What::Note { text }).with(|node| {
        // What the machine ran is gone, and with it the secret that it held.
        node.agent = None;
        tell(node, News::Rebooted);
    });
    task.save(change).await
}

/// It did so without coming back to the ramdisk, so it runs what is on its disk, or nothing.
pub(super) async fn started_again(task: &mut NodeTask, wait: &str) -> Result<(), TaskError> {
    if awaited_command(&task.node) != Some(wait) {
        return Ok(());
    }
    let text = "the agent is gone and the BMC shows that the machine has started again, as after a cut in its power";
    note_loss(task, text).await
}

/// The agent answers and does not know the command: it has lost what it was doing.
async fn note_loss(task: &mut NodeTask, text: &str) -> Result<(), TaskError> {
    let text = text.to_owned();
    let change = task
        .change()
        .event(What::Note { text })
        .with(|node| tell(node, News::Rebooted));
    task.save(change).await
}

/// An answer is a sign of life: the wait ends a whole time-out after the last one. Moved on in steps, because each is
/// a commit.
fn extend(change: Change, task: &NodeTask) -> Change {
    let Some(run) = &task.node.run else {
        return change;
    };
    let limit = limits::callback(task.conductor().settings(), run.activity);
    let now = task.conductor().now();
    change.with(|node| {
        let Some(wait) = node.run.as_mut().and_then(|run| run.wait.as_mut()) else {
            return;
        };
        if wait
            .deadline
            .is_some_and(|deadline| deadline < later(now, limit.mul_f64(0.9)))
        {
            wait.deadline = Some(later(now, limit));
        }
    })
}

fn progress(task: &NodeTask, command: &CommandResult) -> Change {
    let change = task.change();
    let step = match task
        .node
        .run
        .as_ref()
        .and_then(|run| run.wait.as_ref())
        .map(|wait| &wait.reason)
    {
        Some(WaitReason::AgentCommand { step, .. }) => step.clone(),
        _ => return change,
    };
    let Some(Progress {
        phase,
        bytes_written,
        bytes_total,
        bytes_received,
        bytes_per_second,
        elapsed_ms,
    }) = command.ferric_progress.clone()
    else {
        return change;
    };
    let shown = json!({
        "step": step.to_string(), "phase": phase, "bytes_written": bytes_written, "bytes_total": bytes_total,
        "bytes_received": bytes_received, "bytes_per_second": bytes_per_second, "elapsed_ms": elapsed_ms,
    });
    let what = What::Progress {
        step,
        phase,
        bytes_done: bytes_written,
        bytes_total,
        bytes_per_second,
    };
    let stored = task.node.internal_info.get(PROGRESS);
    if stored.is_some_and(|stored| !is_news(stored, &shown)) {
        let run = task.node.run.as_ref().map(|run| run.id);
        task.conductor().tell_live(task.id(), run, what);
        return change;
    }
    change.event(what).with(|node| {
        node.internal_info.insert(PROGRESS.to_owned(), shown);
    })
}

/// Each mark is a commit and a line of the timeline: one that says the same or comes soon after the last is left out,
/// unless it says that something has ended or begun.
fn is_news(stored: &Value, shown: &Value) -> bool {
    let differs = |key: &str| stored.get(key) != shown.get(key);
    let elapsed = |mark: &Value| mark["elapsed_ms"].as_u64().unwrap_or(0);
    let is_whole = shown["bytes_written"] == shown["bytes_total"] && differs("bytes_written");
    let begins = stored["bytes_written"] == 0 && differs("bytes_written");
    let began_anew = elapsed(shown) < elapsed(stored);
    let later = elapsed(shown) >= elapsed(stored).saturating_add(MARK_SPACING_MS);
    stored != shown
        && (differs("step") || differs("phase") || begins || is_whole || began_anew || later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(phase: &str, written: u64, elapsed_ms: u64) -> Value {
        json!({"step": "deploy.write_image", "phase": phase, "bytes_written": written, "bytes_total": 100,
               "elapsed_ms": elapsed_ms})
    }

    #[test]
    fn marks_are_stored_every_ten_seconds_and_when_something_ends() {
        let stored = mark("writing", 10, 20_000);
        for (next, expected) in [
            (mark("writing", 10, 20_000), false),
            (mark("writing", 20, 29_999), false),
            (mark("writing", 20, 30_000), true),
            (mark("verifying", 20, 21_000), true),
            (mark("writing", 100, 21_000), true),
            (mark("writing", 1, 500), true),
            (mark("writing", 0, 21_000), false),
        ] {
            assert_eq!(is_news(&stored, &next), expected, "{next}");
        }
        let first = mark("writing", 0, 1000);
        assert!(is_news(&first, &mark("writing", 5, 4000)));
    }
}
