//! What one deploy's machine and timeline say about who drove it: whether anybody did who did not own the node any more.

use super::owners::Change;
use ferric_tests::played::trace::{Came, Verdict};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a deploy tells an agent, in the order of its steps. Whoever goes on with one repeats the step in hand at most.
const STEPS: [&[&str]; 4] = [
    &["deploy.get_deploy_steps"],
    &["deploy.execute_deploy_step"],
    &["standby.get_partition_uuids", "image.install_bootloader"],
    &["standby.sync", "standby.power_off"],
];

/// The commands that came to agents, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) begun: usize,
    /// Of these, with an epoch.
    pub(crate) with_epoch: usize,
    pub(crate) known: usize,
    pub(crate) stale: usize,
    pub(crate) busy: usize,
}

impl Orders {
    pub(crate) fn of(commands: &[Came]) -> Self {
        let mut orders = Self::default();
        for came in commands {
            match came.verdict {
                Verdict::Begun => {
                    orders.begun += 1;
                    orders.with_epoch += usize::from(came.epoch.is_some());
                }
                Verdict::Known => orders.known += 1,
                Verdict::Stale => orders.stale += 1,
                Verdict::Busy => orders.busy += 1,
            }
        }
        orders
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.begun += other.begun;
        self.with_epoch += other.with_epoch;
        self.known += other.known;
        self.stale += other.stale;
        self.busy += other.busy;
    }
}

/// Commands that an agent accepted although the node had changed hands since their epoch, in words.
pub(crate) fn accepted_too_late(commands: &[Came], changes: &[Change]) -> Vec<String> {
    let mut highest = 0;
    let mut found = Vec::new();
    for came in commands {
        let Some(epoch) = came.epoch else { continue };
        if ![Verdict::Begun, Verdict::Known].contains(&came.verdict) {
            continue;
        }
        let stored = changes.iter().rfind(|change| change.at <= came.at);
        let stored = stored.map_or(0, |change| change.owner.epoch);
        let least = stored.max(highest);
        if epoch < least {
            let (command, at) = (&came.command, came.at);
            found.push(format!(
                "{command} of epoch {epoch} was accepted at {at}, after epoch {least} had begun"
            ));
        }
        highest = highest.max(epoch);
    }
    found
}

/// Commands without an epoch that an agent began although the same boot of it was further already, in words. With
/// Ironic's manners that is what comes of whoever sends late.
pub(crate) fn went_back(commands: &[Came]) -> Vec<String> {
    let mut furthest = BTreeMap::new();
    let mut found = Vec::new();
    let without_epoch = commands
        .iter()
        .filter(|came| came.epoch.is_none() && came.verdict == Verdict::Begun);
    for came in without_epoch {
        let name = came.command.as_str();
        let Some(step) = STEPS.iter().position(|names| names.contains(&name)) else {
            continue;
        };
        let (before, furthest) = furthest.entry(came.boot).or_insert((name, step));
        if step < *furthest {
            let at = came.at;
            found.push(format!("{name} was begun at {at}, after {before}"));
        } else {
            (*before, *furthest) = (name, step);
        }
    }
    found
}

/// Work that a conductor stored on a node after another one had gone on with it, in words.
pub(crate) fn stored_too_late(events: &[Value]) -> Vec<String> {
    let mut owner: Option<&str> = None;
    let mut found = Vec::new();
    for event in events {
        let kind = event["event"].as_str().unwrap_or_default();
        let by = event["conductor"].as_str().unwrap_or_default();
        let begins = event["to"] == "deploying" && event["from"] == "available";
        if kind == "resumed" || begins {
            owner = Some(by);
        }
        let is_work = kind == "state_changed" || kind.starts_with("step_");
        let successor = handed_to(event);
        if let Some(owner) = owner.filter(|owner| (is_work || successor.is_some()) && *owner != by)
        {
            let (sequence, at) = (&event["sequence"], &event["at"]);
            found.push(format!(
                "{by} stored {kind} (event {sequence}, {at}) while {owner} owned the node"
            ));
        }
        // At rest, before the run and after it, it changes hands without a word when its conductor is gone.
        owner = owner
            .map(|owner| successor.unwrap_or(owner))
            .filter(|_| event["to"] != "active");
    }
    found
}

/// To whom the owner gave the node by itself, if this is what happened.
fn handed_to(event: &Value) -> Option<&str> {
    let text = event["text"]
        .as_str()
        .filter(|_| event["event"] == "note")?;
    text.strip_prefix("handed over to conductor ")
}

/// How often a conductor went on with work that another one, or its own last life, had begun.
pub(crate) fn resumed(events: &[Value]) -> usize {
    let resumed = events.iter().filter(|event| event["event"] == "resumed");
    resumed.count()
}

#[cfg(test)]
mod tests {
    use super::super::owners::Owner;
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;
    use uuid::Uuid;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn came(seconds: i64, epoch: Option<u64>, verdict: Verdict) -> Came {
        Came {
            at: at(seconds),
            boot: Uuid::nil(),
            command: "x".to_owned(),
            is_write: false,
            epoch,
            verdict,
        }
    }

    #[test]
    fn an_older_epoch_is_found_once_a_newer_one_is_stored_or_was_heard() {
        let owned = |seconds, epoch| Change {
            at: at(seconds),
            owner: Owner {
                conductor: "a".to_owned(),
                epoch,
            },
        };
        let changes = [owned(0, 1), owned(10, 2)];
        let check = |commands: &[Came], expected: usize| {
            let found = accepted_too_late(commands, &changes);
            assert_eq!(found.len(), expected, "{found:?}");
        };
        check(
            &[
                came(5, Some(1), Verdict::Begun),
                came(11, Some(2), Verdict::Begun),
            ],
            0,
        );
        check(&[came(11, Some(1), Verdict::Begun)], 1);
        check(&[came(11, Some(1), Verdict::Stale)], 0);
        check(&[came(11, None, Verdict::Begun)], 0);
        check(
            &[
                came(5, Some(2), Verdict::Begun),
                came(6, Some(1), Verdict::Known),
            ],
            1,
        );
    }

    #[test]
    fn without_an_epoch_a_command_of_a_step_before_is_found() {
        let told = |boot: u128, command: &str| Came {
            boot: Uuid::from_u128(boot),
            command: command.to_owned(),
            ..came(0, None, Verdict::Begun)
        };
        let mut commands = vec![
            told(1, "deploy.get_deploy_steps"),
            told(1, "deploy.get_deploy_steps"),
            told(1, "deploy.execute_deploy_step"),
            told(1, "standby.get_partition_uuids"),
            told(1, "image.install_bootloader"),
            // Another conductor goes on with the step.
            told(1, "standby.get_partition_uuids"),
            told(1, "image.install_bootloader"),
            told(1, "standby.power_off"),
            told(1, "log.collect_system_logs"),
            // The machine was started again.
            told(2, "deploy.get_deploy_steps"),
        ];
        assert_eq!(went_back(&commands), [""; 0]);
        let refused = Came {
            verdict: Verdict::Busy,
            ..told(1, "deploy.execute_deploy_step")
        };
        let with_epoch = Came {
            epoch: Some(1),
            ..told(1, "deploy.execute_deploy_step")
        };
        commands.extend([refused, with_epoch]);
        assert_eq!(went_back(&commands), [""; 0]);
        commands.push(told(1, "image.install_bootloader"));
        let found = went_back(&commands);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("after standby.power_off"), "{found:?}");
    }

    #[test]
    fn work_of_whoever_lost_the_node_is_found() {
        let by = |conductor: &str, event: &str| json!({"conductor": conductor, "event": event});
        let mut begins = by("a", "state_changed");
        begins["from"] = json!("available");
        begins["to"] = json!("deploying");
        let mut given = by("a", "note");
        given["text"] = json!("handed over to conductor b");
        let mut again = given.clone();
        again["conductor"] = json!("c");
        let mut events = vec![given, again];
        assert_eq!(stored_too_late(&events), [""; 0], "at rest");
        events.extend([begins, by("a", "step_started"), by("b", "boot_request")]);
        assert_eq!(stored_too_late(&events), [""; 0]);
        events.push(by("b", "resumed"));
        events.push(by("b", "step_done"));
        assert_eq!(stored_too_late(&events), [""; 0]);
        events.push(by("a", "step_done"));
        assert_eq!(stored_too_late(&events).len(), 1);
        let mut given = by("b", "note");
        given["text"] = json!("handed over to conductor a");
        events.push(given);
        events.push(by("a", "step_done"));
        assert_eq!(stored_too_late(&events).len(), 1);
        events.push(by("b", "step_started"));
        assert_eq!(stored_too_late(&events).len(), 2);
        let mut ends = by("a", "state_changed");
        ends["to"] = json!("active");
        events.push(ends);
        let mut given = by("c", "note");
        given["text"] = json!("handed over to conductor b");
        events.push(given);
        assert_eq!(stored_too_late(&events).len(), 2);
        assert_eq!(resumed(&events), 1);
    }
}
