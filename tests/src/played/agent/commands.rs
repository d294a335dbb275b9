//! The commands of one boot of a ramdisk: what was begun, how long it takes, how it ended. Knows no network.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How a command came to the agent.
#[derive(Debug)]
pub struct Order {
    pub name: String,
    pub params: Value,
    /// `X-Ferric-Command-Id` and `X-Ferric-Epoch`, from agents that have agreed on them.
    pub id: Option<Uuid>,
    pub epoch: Option<u64>,
}

#[derive(Debug)]
struct Command {
    id: Uuid,
    name: String,
    begun: Instant,
    takes: Duration,
    /// Set by whoever does it; commands that do nothing succeed when their time is over.
    outcome: Option<Result<(), String>>,
    is_done_by_somebody: bool,
    result: Value,
}

/// The command list. It lives as long as the ramdisk.
#[derive(Debug, Default)]
pub struct Commands {
    list: Vec<Command>,
    epoch: u64,
}

/// What became of an order.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// The agent has this command already.
    Known(Uuid),
    New(Uuid),
}

/// The agent does not do it: 409 with this sentence.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    Stale(String),
    Busy(String),
}

impl Commands {
    pub fn begin(&mut self, order: &Order, takes: Duration) -> Result<Begun, Refused> {
        if let Some(epoch) = order.epoch {
            if epoch < self.epoch {
                return Err(Refused::Stale(format!(
                    "epoch {epoch} is older than {}: another conductor owns this node",
                    self.epoch
                )));
            }
            self.epoch = epoch;
        }
        if let Some(known) = order.id.filter(|id| self.find(*id).is_some()) {
            return Ok(Begun::Known(known));
        }
        if self.list.iter().any(|command| command.status() == RUNNING) {
            return Err(Refused::Busy("Agent is busy: executing command".to_owned()));
        }
        let id = order.id.unwrap_or_else(Uuid::new_v4);
        self.list.push(Command {
            id,
            name: order.name.clone(),
            begun: Instant::now(),
            takes,
            outcome: None,
            is_done_by_somebody: is_write(order),
            result: result(order),
        });
        Ok(Begun::New(id))
    }

    pub fn end(&mut self, id: Uuid, outcome: Result<(), String>) {
        if let Some(command) = self.list.iter_mut().find(|command| command.id == id) {
            command.outcome = Some(outcome);
        }
    }

    pub fn show(&self, id: Uuid) -> Option<Value> {
        self.find(id).map(Command::show)
    }

    pub fn show_all(&self) -> Value {
        let all: Vec<_> = self.list.iter().map(Command::show).collect();
        json!({ "commands": all })
    }

    pub fn is_done(&self, id: Uuid) -> bool {
        self.find(id)
            .is_none_or(|command| command.status() != RUNNING)
    }

    fn find(&self, id: Uuid) -> Option<&Command> {
        self.list.iter().find(|command| command.id == id)
    }
}

const RUNNING: &str = "RUNNING";

impl Command {
    fn status(&self) -> &'static str {
        let over = self.begun.elapsed() >= self.takes;
        match &self.outcome {
            Some(Err(_)) => "FAILED",
            Some(Ok(())) if over => "SUCCEEDED",
            None if over && !self.is_done_by_somebody => "SUCCEEDED",
            Some(Ok(())) | None => RUNNING,
        }
    }

    fn show(&self) -> Value {
        let status = self.status();
        let short = self.name.rsplit('.').next().unwrap_or_default();
        let error = match &self.outcome {
            Some(Err(details)) => {
                json!({"type": "CommandExecutionError", "code": 500, "message": details, "details": details})
            }
            _ => Value::Null,
        };
        let result = match status {
            "SUCCEEDED" => self.result.clone(),
            _ => Value::Null,
        };
        json!({
            "id": self.id, "command_name": short, "command_status": status, "command_error": error,
            "command_result": result,
        })
    }
}

pub fn is_write(order: &Order) -> bool {
    order.name == "deploy.execute_deploy_step" && order.params["step"]["step"] == "write_image"
}

/// What the command answers once it has succeeded.
fn result(order: &Order) -> Value {
    let version = json!({"generic_hardware_manager": "1.2"});
    match order.name.as_str() {
        "deploy.get_deploy_steps" => json!({
            "deploy_steps": {"GenericHardwareManager": [
                {"step": "write_image", "priority": 0, "interface": "deploy", "reboot_requested": false},
                {"step": "erase_devices_metadata", "priority": 0, "interface": "deploy", "reboot_requested": false},
            ]},
            "hardware_manager_version": version,
        }),
        "deploy.execute_deploy_step" => {
            let (interface, step) = (
                &order.params["step"]["interface"],
                &order.params["step"]["step"],
            );
            json!({"deploy_result": {"result": format!("written at {}", Timestamp::now())},
                   "deploy_step": {"interface": interface, "step": step}})
        }
        "standby.get_partition_uuids" => json!({"root uuid": "0x5d3fa9a0"}),
        _ => Value::Null,
    }
}
