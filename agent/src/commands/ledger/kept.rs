//! The order of the running command, kept so that an agent that is started again can carry it out from its beginning.
//!
//! It may hold passwords and a config drive. So it lies in RAM, for root alone, as long as its command runs, and only
//! that of a command that may be run again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Order;
use crate::commands::catalog::{AfterCrash, Command};
use crate::commands::failure::{ErrorKind, Failure, sentence};
use crate::state::{StateDir, StateError};

const FILE: &str = "running.json";

/// A command by which the agent dies each time would else keep it from everything.
const MAX_RESTARTS: u32 = 3;

const NOT_ENDED: &str = "the agent was restarted while this command was running, so it did not end";

/// What a conductor notes of a node while it waits; no command depends on it.
const NOTES: [&str; 3] = ["agent_last_heartbeat", "reservation", "updated_at"];

/// An order as it lies in the file.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<'a> {
    pub(super) id: Uuid,
    name: Cow<'a, str>,
    params: Cow<'a, Map<String, Value>>,
    /// How often it was begun again.
    restarts: u32,
}

impl<'a> Kept<'a> {
    pub(super) fn new(id: Uuid, order: &Order<'a>) -> Self {
        Self {
            id,
            name: Cow::Borrowed(order.name),
            params: Cow::Borrowed(order.params),
            restarts: 0,
        }
    }

    pub(super) fn save(&self, state: &StateDir) -> Result<(), StateError> {
        state.save(FILE, self)
    }

    /// Whether this is the same order once more, from a conductor that does not know whether it was heard before the
    /// agent was restarted.
    pub(super) fn is_sent_again_by(&self, order: &Order<'_>) -> bool {
        self.restarts > 0 && self.name == order.name && is_same(&self.params, order.params)
    }
}

impl Kept<'static> {
    pub(super) fn load(state: &StateDir) -> Option<Self> {
        state.load_or_forget(FILE)
    }

    /// What is to be run again of the command with this id, or why it has failed.
    pub(super) fn again(
        state: &StateDir,
        id: Uuid,
    ) -> Result<(Command, Map<String, Value>), Failure> {
        let kept = Self::load(state).filter(|kept| kept.id == id);
        let mut kept = kept.ok_or_else(|| failed(NOT_ENDED))?;
        let command = Command::parse(&kept.name).map_err(|_| failed(NOT_ENDED))?;
        if command.after_crash(&kept.params) == AfterCrash::Fails {
            return Err(failed(NOT_ENDED));
        }
        if kept.restarts >= MAX_RESTARTS {
            let times = MAX_RESTARTS + 1;
            return Err(failed(format!(
                "the agent was restarted {times} times while this command was running, so it is not begun again; \
                 the agent's log says why it ended"
            )));
        }
        kept.restarts += 1;
        // What is not counted could go on for ever.
        kept.save(state).map_err(|error| {
            failed(format!(
                "{NOT_ENDED}, and it cannot be begun again: {}",
                sentence(&error)
            ))
        })?;
        Ok((command, kept.params.into_owned()))
    }
}

pub(super) fn forget(state: &StateDir) {
    state.remove(FILE);
}

fn failed(details: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::CommandExecution, details)
}

fn is_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let counts = |key: &str| !NOTES.contains(&key);
    let is_in_other = |(key, value): (&String, &Value)| {
        !counts(key) || other.get(key).is_some_and(|found| is_equal(value, found))
    };
    let is_in_one = |key: &String| !counts(key) || one.contains_key(key);
    one.iter().all(is_in_other) && other.keys().all(is_in_one)
}

fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => is_same(one, other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_conductor_notes_meanwhile_makes_no_other_order() {
        let sent = json!({
            "node": {"uuid": "u", "updated_at": 1, "driver_internal_info": {"agent_last_heartbeat": 1, "a": 1}},
            "step": {"args": {"image_info": {"id": "i"}}},
        });
        let check = |pointer: &str, value: Value, expected: bool| {
            let mut other = sent.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            let (one, other) = (sent.as_object().unwrap(), other.as_object().unwrap());
            assert_eq!(is_same(one, other), expected, "{pointer}");
            assert_eq!(is_same(other, one), expected, "{pointer}");
        };
        check("/node/updated_at", json!(2), true);
        let later = json!({"agent_last_heartbeat": 2, "a": 1});
        check("/node/driver_internal_info", later, true);
        check("/node/driver_internal_info", json!({"a": 1}), true);
        check("/node/driver_internal_info/a", json!(2), false);
        check("/node/driver_internal_info", json!({}), false);
        check("/step/args/image_info/id", json!("j"), false);
        check("/step/args", json!({}), false);
    }
}
