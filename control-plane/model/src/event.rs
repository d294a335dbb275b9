//! What happened to a node: the lines of its timeline (design D11). History, `watch` and `last_error` are views of it.

use crate::ids::{BulkRequestId, NodeId, RunId};
use crate::node::Object;
use crate::state::{Event, PowerState, ProvisionState};
use crate::step::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line. The store numbers them in the order of commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEvent {
    pub id: Uuid,
    pub node: NodeId,
    pub at: Timestamp,
    pub conductor: String,
    pub run: Option<RunId>,
    /// The bulk request for which that was begun, or done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<BulkRequestId>,
    #[serde(flatten)]
    pub what: What,
}

/// Who asked for something, where that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The user's id of a token, or the name of a password file.
    pub user: String,
    /// The id of the project that the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum What {
    Enrolled,
    StateChanged {
        from: ProvisionState,
        to: ProvisionState,
        target: Option<ProvisionState>,
        error: Option<String>,
        /// What made it move, by its name in the state machine; what was stored before there was this has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Event>,
        /// Whose request made it move at once; what follows by itself has none, also in the same run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<Requester>,
    },
    PowerChanged {
        from: Option<PowerState>,
        to: Option<PowerState>,
    },
    StepStarted {
        step: StepId,
        attempt: u32,
    },
    StepDone {
        step: StepId,
        detail: Option<String>,
    },
    StepFailed {
        step: StepId,
        error: String,
    },
    /// Bytes written to the disk, of how many, and how fast.
    Progress {
        step: StepId,
        phase: String,
        bytes_done: u64,
        bytes_total: Option<u64>,
        bytes_per_second: u64,
    },
    /// What the agent has logged, some lines at a time.
    AgentLog {
        lines: Vec<String>,
        /// So many lines before these are not known any more.
        lost: u64,
    },
    /// A machine asked for a boot script, kernel, ramdisk or image.
    BootRequest {
        what: String,
    },
    Lookup {
        address: String,
    },
    Heartbeat {
        version: Option<String>,
    },
    Inspected {
        summary: String,
    },
    BmcError {
        error: String,
    },
    Resumed {
        detail: String,
    },
    Note {
        text: String,
    },
    /// Kept as it was stored: while a cluster is upgraded a newer release writes to the same timelines.
    #[serde(untagged)]
    Other(OtherEvent),
}

/// What this release cannot read: of a kind that only a newer one knows, or with other contents than its kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherEvent {
    /// The kind.
    pub event: String,
    /// All that is its own.
    #[serde(flatten)]
    pub rest: Object,
}

impl What {
    /// The names that events have on the wire.
    pub const KINDS: [&'static str; 15] = [
        "enrolled",
        "state_changed",
        "power_changed",
        "step_started",
        "step_done",
        "step_failed",
        "progress",
        "agent_log",
        "boot_request",
        "lookup",
        "heartbeat",
        "inspected",
        "bmc_error",
        "resumed",
        "note",
    ];

    /// The event's name on the wire, one of [`What::KINDS`]; `other` for what cannot be read.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::StateChanged { .. } => "state_changed",
            Self::PowerChanged { .. } => "power_changed",
            Self::StepStarted { .. } => "step_started",
            Self::StepDone { .. } => "step_done",
            Self::StepFailed { .. } => "step_failed",
            Self::Progress { .. } => "progress",
            Self::AgentLog { .. } => "agent_log",
            Self::BootRequest { .. } => "boot_request",
            Self::Lookup { .. } => "lookup",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Inspected { .. } => "inspected",
            Self::BmcError { .. } => "bmc_error",
            Self::Resumed { .. } => "resumed",
            Self::Note { .. } => "note",
            Self::Other(_) => "other",
        }
    }

    /// Whether it is of a kind that this release knows, and nevertheless cannot be read.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Other(other) if Self::KINDS.contains(&other.event.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn each() -> [What; 15] {
        let step = StepId::new("deploy", "write_image");
        let text = String::new;
        [
            What::Enrolled,
            What::StateChanged {
                from: ProvisionState::Enroll,
                to: ProvisionState::Verifying,
                target: None,
                error: None,
                cause: Some(Event::Manage),
                asked_by: Some(Requester {
                    user: "alice".to_owned(),
                    project: None,
                }),
            },
            What::PowerChanged {
                from: None,
                to: None,
            },
            What::StepStarted {
                step: step.clone(),
                attempt: 1,
            },
            What::StepDone {
                step: step.clone(),
                detail: None,
            },
            What::StepFailed {
                step: step.clone(),
                error: text(),
            },
            What::Progress {
                step,
                phase: text(),
                bytes_done: 0,
                bytes_total: None,
                bytes_per_second: 0,
            },
            What::AgentLog {
                lines: vec![text()],
                lost: 0,
            },
            What::BootRequest { what: text() },
            What::Lookup { address: text() },
            What::Heartbeat { version: None },
            What::Inspected { summary: text() },
            What::BmcError { error: text() },
            What::Resumed { detail: text() },
            What::Note { text: text() },
        ]
    }

    #[test]
    fn kinds_are_the_names_on_the_wire() {
        for (what, kind) in each().iter().zip(What::KINDS) {
            assert_eq!(what.kind(), kind);
            assert_eq!(serde_json::to_value(what).unwrap()["event"], kind);
        }
    }

    #[test]
    fn what_a_newer_release_has_stored_is_kept_as_it_is() {
        let stored = |what: Value| {
            let mut event = json!({
                "id": Uuid::nil(), "node": Uuid::nil(), "at": Timestamp::UNIX_EPOCH, "conductor": "one", "run": null,
            });
            for (key, value) in what.as_object().unwrap() {
                event[key] = value.clone();
            }
            event
        };
        let read = |what: Value| serde_json::from_value::<TimelineEvent>(stored(what));
        for (what, is_malformed) in [
            (
                json!({"event": "levitated", "height_cm": 7, "by": {"crane": [1]}}),
                false,
            ),
            (json!({"event": "note", "sound": "a hum"}), true),
        ] {
            let event = read(what.clone()).unwrap();
            assert_eq!(event.what.kind(), "other");
            assert_eq!(event.what.is_malformed(), is_malformed);
            assert_eq!(event.conductor, "one");
            assert_eq!(serde_json::to_value(&event).unwrap(), stored(what));
        }
        for what in each() {
            let event = read(serde_json::to_value(&what).unwrap()).unwrap();
            assert_eq!(event.what, what);
        }
        assert!(read(json!({"height_cm": 7})).is_err());
    }

    #[test]
    fn a_change_that_was_stored_without_its_cause_and_requester_is_read() {
        let old = json!({"event": "state_changed", "from": "enroll", "to": "verifying", "target": null, "error": null});
        let read: What = serde_json::from_value(old.clone()).unwrap();
        assert!(matches!(
            read,
            What::StateChanged {
                cause: None,
                asked_by: None,
                ..
            }
        ));
        assert_eq!(serde_json::to_value(read).unwrap(), old);
        let new: Value = serde_json::to_value(&each()[1]).unwrap();
        assert_eq!(new["cause"], "manage");
        assert_eq!(new["asked_by"], json!({"user": "alice"}));
        assert_eq!(serde_json::from_value::<What>(new).unwrap(), each()[1]);
    }
}
