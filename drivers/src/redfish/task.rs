//! Task monitors: what a BMC answers to an operation that it goes on with by itself (202), and how that ends.

use reqwest::StatusCode;
use serde_json::Value;

use super::Bmc;
use super::bmc::ROOT;
use super::exchange::Request;
use super::resource::Resource;
use crate::BmcError;

/// How many of a BMC's tasks are looked at, the newest first.
const TASKS: usize = 20;

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

    /// Its tasks that have not ended, the newest first; none where it has no list of them.
    pub(super) async fn tasks_under_way(&self) -> Result<Vec<Resource>, BmcError> {
        let root = self.get(ROOT).await?;
        let Some(service) = root.link("/Tasks") else {
            return Ok(Vec::new());
        };
        let service = self.get(service).await?;
        let Some(tasks) = service.link("/Tasks") else {
            return Ok(Vec::new());
        };
        let members = self.get(tasks).await?.members();
        let mut under_way = Vec::new();
        for path in members.iter().rev().take(TASKS) {
            match self.get(path).await {
                Ok(task) if task.text("/TaskState").is_some_and(is_running) => under_way.push(task),
                // It has ended, or did while we looked.
                Ok(_) | Err(BmcError::Refused { status: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(under_way)
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

/// The body of the request that a task goes on with, where it tells.
pub(super) fn asked_body(task: &Resource) -> Value {
    let body = task.text("/Payload/JsonBody").unwrap_or_default();
    serde_json::from_str(body).unwrap_or_default()
}

/// The path of the request that a task goes on with, where it tells.
pub(super) fn asked_path(task: &Resource) -> Option<String> {
    let path = path_of(task.text("/Payload/TargetUri")?);
    Some(path.trim_end_matches('/').to_owned())
}

/// Whether a task in this state goes on, now or after a restart of the machine.
fn is_running(state: &str) -> bool {
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
