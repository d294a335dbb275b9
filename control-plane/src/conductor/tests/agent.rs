//! A ramdisk's agent in memory: commands, their list and how long they take. Knows no conductor.

use ferric_agent_protocol::command::{
    CommandError, CommandList, CommandRequest, CommandResult, CommandStatus,
};
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
    /// What the steps fail with, by name.
    pub(in crate::conductor) failing: Option<(&'static str, &'static str)>,
    /// Makes the conductor's own code panic when it asks the agent.
    pub(in crate::conductor) panicking: bool,
    /// The command that is done once without its answer getting through.
    pub(in crate::conductor) losing: Option<&'static str>,
    /// Whether the machine never gets as far as a ramdisk.
    pub(in crate::conductor) broken: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            manners: Manners::Ferric,
            writing: Duration::from_secs(30),
            failing: None,
            panicking: false,
            losing: None,
            broken: false,
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
}

#[derive(Debug)]
struct Command {
    id: Uuid,
    request: CommandRequest,
    started: Instant,
    takes: Duration,
    error: Option<String>,
}

impl Agent {
    pub(in crate::conductor) fn new(boot: usize) -> Self {
        Self {
            token: None,
            certificate: format!("certificate of boot {boot}"),
            commands: Vec::new(),
        }
    }

    pub(in crate::conductor) fn list(&self) -> Value {
        let commands = self.commands.iter().map(result).collect();
        json!(CommandList { commands })
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
            (_, "erase_devices_metadata" | "flash" | "reset") | ("image.install_bootloader", _) => {
                Duration::from_secs(5)
            }
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
        let command = Command {
            id,
            request,
            started: Instant::now(),
            takes,
            error,
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
    let command_result =
        (command_status == CommandStatus::Succeeded).then(|| answer(&command.request));
    let share = elapsed.as_secs_f64() / command.takes.as_secs_f64().max(1.0);
    let total = 1_000_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a million"
    )]
    let ferric_progress = (command.takes > Duration::from_secs(10)).then(|| Progress {
        phase: "writing".to_owned(),
        bytes_written: (share.min(1.0) * total as f64) as u64,
        bytes_total: Some(total),
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

fn answer(request: &CommandRequest) -> Value {
    let step = |name: &str, priority: u32| json!({"interface": "deploy", "step": name, "priority": priority});
    let called = request.params.get("step").cloned().unwrap_or_default();
    let echo = json!({"interface": called["interface"], "step": called["step"]});
    let version = json!({"generic": "1"});
    match request.name.as_str() {
        "deploy.get_deploy_steps" => {
            json!({"deploy_steps": {"Generic": [step("write_image", 0)]}, "hardware_manager_version": version})
        }
        "clean.get_clean_steps" => {
            json!({"clean_steps": {"Generic": [step("erase_devices_metadata", 99)]}, "hardware_manager_version": version})
        }
        "service.get_service_steps" => {
            let mut flash = step("flash", 0);
            flash["abortable"] = json!(false);
            let mut reset = step("reset", 0);
            reset["abortable"] = json!(true);
            json!({"service_steps": {"Generic": [flash, reset]}, "hardware_manager_version": version})
        }
        "service.execute_service_step" => json!({"service_result": null, "service_step": echo}),
        "deploy.execute_deploy_step" => json!({"deploy_result": null, "deploy_step": echo}),
        "clean.execute_clean_step" => json!({"clean_result": null, "clean_step": echo}),
        "log.collect_system_logs" => json!({"system_logs": "bG9n\ncw=="}),
        "poll.get_hardware_info" => super::machine::inventory(),
        "standby.get_partition_uuids" => json!({"root uuid": "0x00000000"}),
        _ => Value::Null,
    }
}
