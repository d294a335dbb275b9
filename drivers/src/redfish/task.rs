//! Task monitors: what a BMC answers to an operation that it goes on with by itself (202), and how that ends.

use reqwest::StatusCode;
use serde_json::Value;

use super::Bmc;
use super::exchange::Request;
use crate::BmcError;

/// How far a task is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TaskState {
    Running,
    /// At its end; whether with success shows in what it was to do.
    Ended,
    /// In the BMC's words.
    Failed(String),
}

impl Bmc {
    /// Sends an operation; answers with the path of its task monitor where the BMC goes on with it by itself.
    pub(super) async fn submit(&self, request: &Request<'_>) -> Result<Option<String>, BmcError> {
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Ok(None);
        }
        let task = || Some(answer.json()?.get("@odata.id")?.as_str()?.to_owned());
        let location = answer.location().map(path_of).or_else(task);
        match location {
            Some(path) => Ok(Some(path)),
            None => Err(self.unusable(request, "it accepts (202) and names no task")),
        }
    }

    pub(super) async fn task(&self, path: &str) -> Result<TaskState, BmcError> {
        let answer = match self.send(&Request::get(path)).await {
            // A BMC may forget a task once it has ended.
            Err(BmcError::Refused {
                status: 404 | 410, ..
            }) => return Ok(TaskState::Ended),
            // What a monitor answers at the end is what the operation would have answered.
            Err(BmcError::Refused {
                status: 400 | 409 | 422,
                message,
                ..
            }) => return Ok(TaskState::Failed(message)),
            other => other?,
        };
        let running = answer.status() == StatusCode::ACCEPTED;
        let body = answer.json().unwrap_or_default();
        Ok(match body.get("TaskState").and_then(Value::as_str) {
            Some("Completed") => completed(&body),
            Some(state) if is_running(state) => TaskState::Running,
            Some(_) => TaskState::Failed(messages(&body)),
            None if running => TaskState::Running,
            None => TaskState::Ended,
        })
    }
}

/// Whether a task in this state goes on, now or after a restart of the machine.
pub(super) fn is_running(state: &str) -> bool {
    !matches!(
        state,
        "Completed" | "Exception" | "Killed" | "Cancelled" | "Interrupted"
    )
}

/// The location may be a whole URL; the BMC's own address is known.
pub(super) fn path_of(location: &str) -> String {
    match url::Url::parse(location) {
        Ok(url) => match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        },
        Err(_) => location.to_owned(),
    }
}

fn completed(task: &Value) -> TaskState {
    match task.get("TaskStatus").and_then(Value::as_str) {
        Some("Critical") => TaskState::Failed(messages(task)),
        _ => TaskState::Ended,
    }
}

fn messages(task: &Value) -> String {
    let messages = task.get("Messages").and_then(Value::as_array);
    let texts = messages
        .into_iter()
        .flatten()
        .filter_map(|message| message.get("Message")?.as_str());
    let texts: Vec<_> = texts.collect();
    let state = task.get("TaskState").and_then(Value::as_str);
    if texts.is_empty() {
        let state = state.unwrap_or("failed");
        format!("its task ended as '{state}' without a message")
    } else {
        texts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_is_asked_for_at_the_bmc_that_gave_it() {
        let cases = [
            ("/redfish/v1/TaskService/1", "/redfish/v1/TaskService/1"),
            ("https://10.0.0.1/redfish/v1/t/1", "/redfish/v1/t/1"),
            ("http://bmc:80/redfish/v1/t?id=1", "/redfish/v1/t?id=1"),
        ];
        for (location, expected) in cases {
            assert_eq!(path_of(location), expected);
        }
    }
}
