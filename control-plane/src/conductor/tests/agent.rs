//! A ramdisk's agent in memory: commands, their list and how long they take. Knows no conductor.

use ferric_agent_protocol::command::{
    CommandError, CommandList, CommandRequest, CommandResult, CommandStatus,
};
use ferric_agent_protocol::log::{LogPiece, LogPlace, bounded};
use ferric_agent_protocol::progress::Progress;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Which agent's manners it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum Manners {
    Ferric,
    /// Knows no header of ours and chooses the ids of commands itself.
    Ironic,
}

/// What a test asked of the agents of a machine. Survives its reboots.
#[derive(Clone, Debug)]
pub(in crate::conductor) struct Plan {
    pub(in crate::conductor) manners: Manners,
    /// How long `write_image` takes.
    pub(in crate::conductor) writing: Duration,
    /// How long the boot loader takes.
    pub(in crate::conductor) loading: Duration,
    /// What the steps fail with, by name.
    pub(in crate::conductor) failing: Option<(&'static str, &'static str)>,
    /// The version of its hardware managers; a step that was listed by another one is refused.
    pub(in crate::conductor) version: &'static str,
    /// The steps for cleaning, as `get_clean_steps` lists them.
    pub(in crate::conductor) clean_steps: Value,
    /// The steps for deploying beside `write_image`.
    pub(in crate::conductor) deploy_steps: Vec<Value>,
    /// What a step answers, by name.
    pub(in crate::conductor) answer: Option<(&'static str, Value)>,
    /// Makes the conductor's own code panic when it asks the agent.
    pub(in crate::conductor) panicking: bool,
    /// The command that is done once without its answer getting through.
    pub(in crate::conductor) losing: Option<&'static str>,
    /// Whether the machine never gets as far as a ramdisk.
    pub(in crate::conductor) broken: bool,
    /// Whether the agent opens no port.
    pub(in crate::conductor) dials_out: bool,
    /// What each of the agents has logged from its start on.
    pub(in crate::conductor) log: &'static [&'static str],
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            manners: Manners::Ferric,
            writing: Duration::from_secs(30),
            loading: Duration::from_secs(5),
            failing: None,
            version: "1",
            clean_steps: json!([
                {"interface": "deploy", "step": "erase_devices_metadata", "priority": 99},
            ]),
            deploy_steps: Vec::new(),
            answer: None,
            panicking: false,
            losing: None,
            broken: false,
            dials_out: false,
            log: &[],
        }
    }
}

/// What a command does to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum Effect {
    None,
    PowerOff,
    /// The agent answers nobody any more.
    Silence,
}

/// One boot of the ramdisk.
#[derive(Debug)]
pub(in crate::conductor) struct Agent {
    pub(in crate::conductor) token: Option<String>,
    pub(in crate::conductor) certificate: String,
    commands: Vec<Command>,
    run: Uuid,
}

#[derive(Debug)]
struct Command {
    id: Uuid,
    request: CommandRequest,
    started: Instant,
    takes: Duration,
    error: Option<String>,
    is_mismatch: bool,
    answer: Value,
    /// Whether its answer is told although it failed, as our agent does with erased disks.
    is_told: bool,
}

impl Agent {
    pub(in crate::conductor) fn new(boot: usize) -> Self {
        Self {
            token: None,
            certificate: format!("certificate of boot {boot}"),
            commands: Vec::new(),
            run: Uuid::from_u128(boot as u128),
        }
    }

    pub(in crate::conductor) fn list(&self) -> Value {
        let commands = self.commands.iter().map(result).collect();
        json!(CommandList {
            commands,
            ferric_log: None,
        })
    }

    /// With the lines of the log behind a place, as many as fit into a piece.
    pub(in crate::conductor) fn list_with_log(&self, place: &str, log: &[&str]) -> Value {
        let known = LogPlace::parse(place).filter(|place| place.run == self.run);
        let first = known.map_or(0, |place| usize::try_from(place.next).unwrap());
        let lines = log[first..].iter().map(|line| (*line).to_owned());
        let piece = LogPiece {
            run: self.run,
            first: first as u64,
            lines: bounded(lines),
        };
        let mut list = self.list();
        list["ferric_log"] = json!(piece);
        list
    }

    pub(in crate::conductor) fn is_busy(&self) -> bool {
        self.commands
            .iter()
            .any(|command| !result(command).is_done())
    }

    /// The command of that id is answered once more; a new one is refused while another one runs.
    pub(in crate::conductor) fn post(
        &mut self,
        request: CommandRequest,
        id: Option<Uuid>,
        plan: &Plan,
    ) -> Result<(Value, Effect), String> {
        if let Some(known) = id.and_then(|id| self.commands.iter().find(|command| command.id == id))
        {
            return Ok((json!(result(known)), Effect::None));
        }
        if self.is_busy() {
            return Err("Agent is busy: executing command".to_owned());
        }
        let step = request
            .params
            .get("step")
            .and_then(|step| step.get("step"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let takes = match (request.name.as_str(), step) {
            (_, "write_image") => plan.writing,
            ("image.install_bootloader", _) => plan.loading,
            (_, "erase_devices_metadata" | "flash" | "reset") => Duration::from_secs(5),
            _ => Duration::ZERO,
        };
        let error = plan
            .failing
            .filter(|(name, _)| *name == step || *name == request.name)
            .map(|(_, error)| error.to_owned());
        let effect = match request.name.as_str() {
            "standby.power_off" => Effect::PowerOff,
            "rescue.finalize_rescue" | "system.lockdown" if error.is_none() => Effect::Silence,
            _ => Effect::None,
        };
        let id = id.unwrap_or_else(Uuid::new_v4);
        let version = ["clean_version", "deploy_version", "service_version"]
            .into_iter()
            .find_map(|key| request.params.get(key));
        let is_mismatch = version.is_some_and(|version| *version != versions(plan));
        let (answer, is_planned) = match &plan.answer {
            Some((name, value)) if *name == step => (stepped(&request, value), true),
            _ => (answer(&request, plan), false),
        };
        let command = Command {
            id,
            request,
            started: Instant::now(),
            takes,
            error,
            is_mismatch,
            answer,
            is_told: is_planned && plan.manners == Manners::Ferric,
        };
        let answer = json!(result(&command));
        self.commands.push(command);
        Ok((answer, effect))
    }
}

fn result(command: &Command) -> CommandResult {
    let elapsed = command.started.elapsed();
    let running = elapsed < command.takes;
    let short = command
        .request
        .name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (command_status, command_error) = match (&command.error, running) {
        (_, true) => (CommandStatus::Running, None),
        _ if command.is_mismatch => (CommandStatus::CleanVersionMismatch, None),
        (None, false) => (CommandStatus::Succeeded, None),
        (Some(details), false) => {
            let details = details.clone();
            (
                CommandStatus::Failed,
                Some(CommandError {
                    details,
                    ..CommandError::default()
                }),
            )
        }
    };
    let has_result = match command_status {
        CommandStatus::Succeeded => true,
        CommandStatus::Failed => command.is_told,
        _ => false,
    };
    let command_result = has_result.then(|| command.answer.clone());
    let share = elapsed.as_secs_f64() / command.takes.as_secs_f64().max(1.0);
    let total = 1_000_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a million, and a short time"
    )]
    let ferric_progress = (command.takes > Duration::from_secs(10)).then(|| Progress {
        phase: "writing".to_owned(),
        bytes_written: (share.min(1.0) * total as f64) as u64,
        bytes_total: Some(total),
        elapsed_ms: elapsed.as_millis() as u64,
        ..Progress::default()
    });
    CommandResult {
        id: command.id,
        command_name: short,
        command_status,
        command_error,
        command_result,
        ferric_progress,
    }
}

fn versions(plan: &Plan) -> Value {
    json!({"generic": plan.version})
}

/// The answer of a step, with what it says that it made.
fn stepped(request: &CommandRequest, result: &Value) -> Value {
    let kind = request.name.split('.').next().unwrap_or_default();
    let called = request.params.get("step").cloned().unwrap_or_default();
    let echo = json!({"interface": called["interface"], "step": called["step"]});
    json!({format!("{kind}_result"): result, format!("{kind}_step"): echo})
}

fn answer(request: &CommandRequest, plan: &Plan) -> Value {
    let version = versions(plan);
    match request.name.as_str() {
        "deploy.get_deploy_steps" => {
            let mut steps =
                vec![json!({"interface": "deploy", "step": "write_image", "priority": 0})];
            steps.extend(plan.deploy_steps.clone());
            json!({"deploy_steps": {"Generic": steps}, "hardware_manager_version": version})
        }
        "clean.get_clean_steps" => {
            json!({"clean_steps": {"Generic": plan.clean_steps}, "hardware_manager_version": version})
        }
        "service.get_service_steps" => {
            let flash =
                json!({"interface": "deploy", "step": "flash", "priority": 0, "abortable": false});
            let reset =
                json!({"interface": "deploy", "step": "reset", "priority": 0, "abortable": true});
            json!({"service_steps": {"Generic": [flash, reset]}, "hardware_manager_version": version})
        }
        "deploy.execute_deploy_step"
        | "clean.execute_clean_step"
        | "service.execute_service_step" => stepped(request, &Value::Null),
        "log.collect_system_logs" => json!({"system_logs": "bG9n\ncw=="}),
        "poll.get_hardware_info" => super::machine::inventory(),
        "standby.discard_image" => json!({"device": "/dev/vda"}),
        "standby.get_partition_uuids" => json!({"root uuid": "0x00000000"}),
        _ => Value::Null,
    }
}
