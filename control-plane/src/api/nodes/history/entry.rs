//! A line of the history, and what it takes from the lines before it: the state, for how long, and who asked.

use crate::api::gates::{HISTORY_PROJECT, HISTORY_STATE};
use crate::api::links::Base;
use crate::api::shape::shown_time;
use crate::api::version::ApiVersion;
use ferric_model::event::{Requester, TimelineEvent, What};
use ferric_model::ids::RunId;
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What a list without detail shows of a text.
const BRIEF_LENGTH: usize = 255;

/// A line of the timeline that is worth keeping for people.
pub(super) struct Entry {
    severity: &'static str,
    event_type: &'static str,
    text: String,
    /// Where the node is with it: of a change the new state, of an error the one in which it happened.
    pub(super) state: Option<ProvisionState>,
    target: Option<ProvisionState>,
    /// How long the node had been in its state when that happened. Unknown before the first change that is kept.
    duration_seconds: Option<i64>,
    requester: Option<Requester>,
}

/// What the lines so far say of the node.
#[derive(Default)]
pub(super) struct Story {
    first: Option<ProvisionState>,
    state: Option<ProvisionState>,
    target: Option<ProvisionState>,
    since: Option<Timestamp>,
    /// The last request that is known of, by the run that does it.
    asked: Option<(RunId, Requester)>,
}

impl Story {
    /// The state before the first change that is kept.
    pub(super) fn first_state(&self) -> Option<ProvisionState> {
        self.first
    }

    /// `None` for what only the timeline shows, such as progress and heartbeats.
    pub(super) fn entry(&mut self, event: &TimelineEvent) -> Option<Entry> {
        // Of two conductors one may have a clock that is behind.
        let seconds = |since| event.at.duration_since(since).as_secs().max(0);
        let duration_seconds = self.since.map(seconds);
        let (severity, event_type, text) = match &event.what {
            What::StateChanged {
                from,
                to,
                target,
                error,
                asked_by,
                ..
            } => {
                self.first.get_or_insert(*from);
                (self.state, self.target) = (Some(*to), *target);
                self.since = Some(event.at);
                if let (Some(run), Some(requester)) = (event.run, asked_by) {
                    self.asked = Some((run, requester.clone()));
                }
                match error {
                    Some(error) => ("ERROR", "provisioning", error.clone()),
                    None => ("INFO", "provisioning", format!("went from {from} to {to}")),
                }
            }
            What::StepFailed { step, error } => {
                ("ERROR", "provisioning", format!("{step}: {error}"))
            }
            What::BmcError { error } => ("ERROR", "power", error.clone()),
            What::Enrolled
            | What::PowerChanged { .. }
            | What::StepStarted { .. }
            | What::StepDone { .. }
            | What::Progress { .. }
            | What::AgentLog { .. }
            | What::BootRequest { .. }
            | What::Lookup { .. }
            | What::Heartbeat { .. }
            | What::Inspected { .. }
            | What::Resumed { .. }
            | What::Note { .. }
            | What::Other(_) => return None,
        };
        Some(Entry {
            severity,
            event_type,
            text,
            state: self.state,
            target: self.target,
            duration_seconds,
            requester: self.requester(event),
        })
    }

    /// Whoever moved the node, or asked for the run that moves it, or fails. A BMC fails by itself.
    fn requester(&self, event: &TimelineEvent) -> Option<Requester> {
        match &event.what {
            What::StateChanged {
                asked_by: Some(requester),
                ..
            } => Some(requester.clone()),
            What::StateChanged { .. } | What::StepFailed { .. } => {
                let (run, requester) = self.asked.as_ref()?;
                (event.run == Some(*run)).then(|| requester.clone())
            }
            _ => None,
        }
    }
}

impl Entry {
    /// In Ironic's form; `detail` is for this version.
    pub(super) fn show(
        &self,
        event: &TimelineEvent,
        base: &Base,
        detail: Option<ApiVersion>,
    ) -> Value {
        let text = match detail {
            None if self.text.chars().count() > BRIEF_LENGTH => {
                let front = self.text.chars().take(BRIEF_LENGTH - 4);
                front.chain("...".chars()).collect()
            }
            Some(_) | None => self.text.clone(),
        };
        let path = format!("nodes/{}/history/{}", event.node, event.id);
        let mut shown = json!({
            "uuid": event.id,
            "created_at": shown_time(event.at),
            "severity": self.severity,
            "event": text,
            "links": [{"href": base.url(path), "rel": "self"}],
        });
        let Some(version) = detail else {
            return shown;
        };
        let requester = self.requester.as_ref();
        shown["event_type"] = Value::from(self.event_type);
        shown["conductor"] = Value::from(event.conductor.as_str());
        shown["user"] = json!(requester.map(|requester| &requester.user));
        if version.0 >= HISTORY_PROJECT {
            shown["project"] = json!(requester.and_then(|requester| requester.project.as_ref()));
        }
        if version.0 >= HISTORY_STATE {
            shown["state"] = json!(self.state);
            shown["target_provision_state"] = json!(self.target);
            shown["duration_seconds"] = json!(self.duration_seconds);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::ids::NodeId;
    use ferric_model::state::ProvisionState as State;
    use ferric_model::step::StepId;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const RUN: RunId = RunId(Uuid::from_u128(7));

    fn event(at: i64, run: Option<RunId>, what: What) -> TimelineEvent {
        TimelineEvent {
            id: Uuid::nil(),
            node: NodeId(Uuid::nil()),
            at: Timestamp::from_second(at).unwrap(),
            conductor: "one".to_owned(),
            run,
            bulk: None,
            what,
        }
    }

    fn moved(from: State, to: State, target: Option<State>, asked_by: Option<&str>) -> What {
        What::StateChanged {
            from,
            to,
            target,
            error: None,
            cause: None,
            asked_by: asked_by.map(|user| Requester {
                user: user.to_owned(),
                project: Some("p".to_owned()),
            }),
        }
    }

    fn show(story: &mut Story, event: &TimelineEvent, version: Option<u16>) -> Value {
        let entry = story.entry(event).unwrap();
        entry.show(event, &Base::new("http://api"), version.map(ApiVersion))
    }

    #[test]
    fn keys_by_version() {
        let brief = ["created_at", "event", "links", "severity", "uuid"];
        let detail = [&brief[..], &["conductor", "event_type", "user"]].concat();
        let project = [&detail[..], &["project"]].concat();
        let times = ["duration_seconds", "state", "target_provision_state"];
        let newest = [&project[..], &times].concat();
        let event = event(0, None, moved(State::Enroll, State::Verifying, None, None));
        for (version, keys) in [
            (None, &brief[..]),
            (Some(78), &detail[..]),
            (Some(112), &detail[..]),
            (Some(113), &project[..]),
            (Some(114), &project[..]),
            (Some(115), &newest[..]),
        ] {
            let shown = show(&mut Story::default(), &event, version);
            let shown = shown.as_object().unwrap().keys().map(String::as_str);
            let shown: BTreeSet<&str> = shown.collect();
            let keys: BTreeSet<&str> = keys.iter().copied().collect();
            assert_eq!(shown, keys, "{version:?}");
        }
    }

    #[test]
    fn a_list_without_detail_cuts_long_texts_and_each_line_links_to_itself() {
        let failed = |length: usize| What::StepFailed {
            step: StepId::new("deploy", "write_image"),
            error: "é".repeat(length),
        };
        let (short, long) = (event(0, None, failed(9)), event(0, None, failed(400)));
        let text = |event, version| {
            let shown = show(&mut Story::default(), event, version);
            shown["event"].as_str().unwrap().to_owned()
        };
        assert_eq!(text(&short, None), text(&short, Some(78)));
        let (brief, whole) = (text(&long, None), text(&long, Some(78)));
        let kept = brief.strip_suffix("...").unwrap();
        assert_eq!(kept.chars().count(), 251);
        assert!(whole.starts_with(kept) && whole.ends_with('é'));
        let shown = show(&mut Story::default(), &short, None);
        let href = format!("http://api/v1/nodes/{0}/history/{0}", Uuid::nil());
        assert_eq!(shown["links"], json!([{"href": href, "rel": "self"}]));
    }

    #[test]
    fn a_line_tells_where_the_node_was_for_how_long_and_who_asked() {
        let failed = What::StepFailed {
            step: StepId::new("deploy", "write_image"),
            error: "no disk fits".to_owned(),
        };
        let mute = || What::BmcError {
            error: "no answer".to_owned(),
        };
        let (goal, run) = (Some(State::Active), Some(RUN));
        let begun = moved(State::Available, State::Deploying, goal, Some("u"));
        let lines = [
            (
                event(5, None, mute()),
                json!([null, null, null, null, null]),
            ),
            (
                event(10, run, begun),
                json!(["deploying", "active", null, "u", "p"]),
            ),
            (
                event(70, run, failed),
                json!(["deploying", "active", 60, "u", "p"]),
            ),
            (
                event(71, run, mute()),
                json!(["deploying", "active", 61, null, null]),
            ),
            (
                event(
                    72,
                    run,
                    moved(State::Deploying, State::DeployFailed, None, None),
                ),
                json!(["deploy failed", null, 62, "u", "p"]),
            ),
            // The clock of another conductor.
            (
                event(
                    40,
                    None,
                    moved(State::DeployFailed, State::Manageable, None, None),
                ),
                json!(["manageable", null, 0, null, null]),
            ),
        ];
        let mut story = Story::default();
        for (event, expected) in lines {
            let shown = show(&mut story, &event, Some(115));
            let keys = [
                "state",
                "target_provision_state",
                "duration_seconds",
                "user",
                "project",
            ];
            let found: Vec<_> = keys.iter().map(|key| &shown[key]).collect();
            assert_eq!(json!(found), expected, "{shown}");
        }
        assert_eq!(story.first_state(), Some(State::Available));
    }
}
