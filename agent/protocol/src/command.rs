//! Commands: what the conductor posts, and the result that the agent lists and answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::lenient;
use crate::log::LogPiece;
use crate::progress::Progress;

/// The body of `POST /v1/commands/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// `<extension>.<command>`.
    pub name: String,
    /// The command's arguments by name.
    pub params: Map<String, Value>,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CommandStatus {
    /// Not ended yet.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended with `command_error`.
    Failed,
    /// The hardware managers are not those that the steps were made with; used for steps of every kind.
    CleanVersionMismatch,
    /// A second spelling that conductors accept.
    VersionMismatch,
}

/// One command, as the agent lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The id under which it can be asked for.
    pub id: Uuid,
    /// The part of the name after the dot: `execute_deploy_step`.
    pub command_name: String,
    /// How far it is.
    pub command_status: CommandStatus,
    /// Why it failed.
    #[serde(default)]
    pub command_error: Option<CommandError>,
    /// What it answered; of one that failed only between agents and conductors that have agreed on it.
    #[serde(default)]
    pub command_result: Option<Value>,
    /// How far it has come; only between agents and conductors that have agreed on it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub ferric_progress: Option<Progress>,
}

impl CommandResult {
    /// Whether it has ended, well or not.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.command_status != CommandStatus::Running
    }
}

/// Why a command failed. Conductors show `details`, and `message` when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// The name of the class of error.
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub kind: String,
    /// The HTTP status that this error would have.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub code: u16,
    /// What class of thing happened.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: String,
    /// What happened, in full sentences.
    #[serde(default, deserialize_with = "lenient::text")]
    pub details: String,
}

impl CommandError {
    /// What to show to people.
    #[must_use]
    pub fn text(&self) -> &str {
        if self.details.is_empty() {
            &self.message
        } else {
            &self.details
        }
    }
}

/// The answer of `GET /v1/commands/`: oldest first, so the last one is the current one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandList {
    /// All commands since the ramdisk was booted.
    pub commands: Vec<CommandResult>,
    /// What else the agent has logged, where that is asked for; only where both sides have agreed on it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub ferric_log: Option<LogPiece>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_round_trip(wire: &Value) {
        let result: CommandResult = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(&serde_json::to_value(result).unwrap(), wire);
    }

    #[test]
    fn results_are_read_and_written_key_by_key() {
        let id = "6c3e0d9e-9d8c-4a57-8f11-2c3f3b7f3f10";
        check_round_trip(&json!({
            "id": id, "command_name": "execute_deploy_step", "command_status": "RUNNING",
            "command_error": null, "command_result": null,
        }));
        check_round_trip(&json!({
            "id": id, "command_name": "prepare_image", "command_status": "FAILED",
            "command_error": {
                "type": "CommandExecutionError", "code": 500,
                "message": "Command execution failed", "details": "no space",
            },
            "command_result": null,
        }));
        check_round_trip(&json!({
            "id": id, "command_name": "execute_clean_step", "command_status": "CLEAN_VERSION_MISMATCH",
            "command_error": null, "command_result": null,
            "ferric_progress": {
                "phase": "writing", "bytes_written": 5, "bytes_total": null, "bytes_received": 3,
                "bytes_per_second": 2, "elapsed_ms": 1,
            },
        }));
    }

    #[test]
    fn a_list_has_a_log_only_where_it_was_asked_for() {
        let without = json!({"commands": []});
        let list: CommandList = serde_json::from_value(without.clone()).unwrap();
        assert_eq!(serde_json::to_value(list).unwrap(), without);
        let run = "6c3e0d9e-9d8c-4a57-8f11-2c3f3b7f3f10";
        let with =
            json!({"commands": [], "ferric_log": {"run": run, "first": 3, "lines": ["a", "b"]}});
        let list: CommandList = serde_json::from_value(with.clone()).unwrap();
        assert_eq!(serde_json::to_value(list).unwrap(), with);
        let strange = json!({"commands": [], "ferric_log": "lines"});
        let list: CommandList = serde_json::from_value(strange).unwrap();
        assert_eq!(list, CommandList::default());
    }

    #[test]
    fn errors_of_other_agents_are_understood() {
        let error: CommandError =
            serde_json::from_value(json!({"message": "m", "details": null, "code": null})).unwrap();
        assert_eq!(error.text(), "m");
        let error: CommandError = serde_json::from_value(json!({"details": ["a"]})).unwrap();
        assert_eq!(error.text(), r#"["a"]"#);
    }
}
