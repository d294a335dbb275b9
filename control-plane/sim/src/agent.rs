//! A ramdisk's agent: its commands, their list and how long they take. Knows no conductor and no network.

use ferric_agent_protocol::command::{
    CommandError, CommandList, CommandRequest, CommandResult, CommandStatus,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// What a command does to the machine at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// The command is an old one, or nothing that matters here.
    Nothing,
    /// The image is written from now on.
    Write,
    PowerOff,
    /// It hands the machine over to a user and is not heard of again.
    Silence,
}

/// What a new command gets along.
pub(crate) struct Terms {
    /// The id that the conductor chose, with an agent that takes it.
    pub(crate) id: Option<Uuid>,
    /// For an agent that chooses itself.
    pub(crate) own_id: Uuid,
    pub(crate) takes: Duration,
    pub(crate) error: Option<&'static str>,
}

/// One boot of the ramdisk.
pub(crate) struct Agent {
    pub(crate) boot: u32,
    pub(crate) token: Option<String>,
    pub(crate) certificate: String,
    /// Of the machine's interface.
    address: String,
    /// The highest that came with a command.
    pub(crate) epoch: u64,
    commands: Vec<Command>,
}

struct Command {
    id: Uuid,
    request: CommandRequest,
    ends: Instant,
    error: Option<&'static str>,
    /// Once it is done.
    answer: Value,
}

impl Agent {
    pub(crate) fn new(machine: usize, address: &str, boot: u32) -> Self {
        Self {
            address: address.to_owned(),
            boot,
            token: None,
            certificate: format!("certificate of machine {machine}, boot {boot}"),
            epoch: 0,
            commands: Vec::new(),
        }
    }

    pub(crate) fn list(&self) -> Value {
        let commands = self.commands.iter().map(Command::result).collect();
        json!(CommandList {
            commands,
            ferric_log: None,
        })
    }

    /// The command of that id is answered once more; a new one is refused while another one runs.
    pub(crate) fn post(
        &mut self,
        request: CommandRequest,
        terms: &Terms,
    ) -> Result<(Value, Begun), String> {
        let mut commands = self.commands.iter();
        if let Some(known) = commands.find(|command| Some(command.id) == terms.id) {
            return Ok((json!(known.result()), Begun::Nothing));
        }
        if let Some(busy) = self.commands.iter().find(|command| !command.is_done()) {
            return Err(format!("Agent is busy: executing {}", busy.request.name));
        }
        let command = Command {
            answer: answer(&request, &self.address),
            id: terms.id.unwrap_or(terms.own_id),
            ends: Instant::now() + takes(&request, terms.takes),
            error: terms.error.filter(|_| step(&request).is_some()),
            request,
        };
        let begun = match (command.request.name.as_str(), step(&command.request)) {
            ("standby.power_off", _) => Begun::PowerOff,
            ("rescue.finalize_rescue", _) => Begun::Silence,
            (_, Some("write_image")) => Begun::Write,
            _ => Begun::Nothing,
        };
        let answer = json!(command.result());
        self.commands.push(command);
        Ok((answer, begun))
    }

    /// Whether the image has been written to its end.
    pub(crate) fn has_written(&mut self) -> bool {
        let mut writes = self.commands.iter().rev();
        let last = writes.find(|command| step(&command.request) == Some("write_image"));
        last.is_some_and(|write| write.is_done() && write.error.is_none())
    }

    /// The step that works on a disk right now.
    pub(crate) fn works(&self) -> Option<&'static str> {
        let running = self.commands.iter().find(|command| !command.is_done())?;
        match step(&running.request)? {
            "write_image" => Some("writing the image"),
            _ => Some("a step"),
        }
    }
}

impl Command {
    fn is_done(&self) -> bool {
        Instant::now() >= self.ends
    }

    fn result(&self) -> CommandResult {
        let name = self.request.name.rsplit('.').next().unwrap_or_default();
        let (command_status, error) = match (self.is_done(), self.error) {
            (false, _) => (CommandStatus::Running, None),
            (true, None) => (CommandStatus::Succeeded, None),
            (true, Some(error)) => (CommandStatus::Failed, Some(error)),
        };
        let succeeded = command_status == CommandStatus::Succeeded;
        CommandResult {
            id: self.id,
            command_name: name.to_owned(),
            command_status,
            command_error: error.map(|error| CommandError {
                details: error.to_owned(),
                ..CommandError::default()
            }),
            command_result: succeeded.then(|| self.answer.clone()),
            ferric_progress: None,
        }
    }
}

/// The step that a command executes.
fn step(request: &CommandRequest) -> Option<&str> {
    request.params.get("step")?.get("step")?.as_str()
}

fn takes(request: &CommandRequest, long: Duration) -> Duration {
    match (request.name.as_str(), step(request)) {
        (_, Some(_)) => long,
        ("image.install_bootloader", _) => Duration::from_secs(2),
        _ => Duration::ZERO,
    }
}

/// What its hardware managers report.
pub(crate) fn inventory(address: &str) -> Value {
    json!({
        "interfaces": [{"name": "eth0", "mac_address": address}],
        "cpu": {"architecture": "x86_64", "count": 4},
        "memory": {"physical_mb": 2048},
        "disks": [{"name": "/dev/vda", "size": 10_u64 << 30}],
        "boot": {"current_boot_mode": "bios", "pxe_interface": address},
        "bmc_address": "0.0.0.0",
    })
}

fn answer(request: &CommandRequest, address: &str) -> Value {
    let version = json!({"generic": "1"});
    let listed = |kind: &str, step: &str, priority: u32| {
        let steps = json!([{"interface": "deploy", "step": step, "priority": priority}]);
        json!({format!("{kind}_steps"): {"Generic": steps}, "hardware_manager_version": version})
    };
    match request.name.as_str() {
        "deploy.get_deploy_steps" => listed("deploy", "write_image", 0),
        "clean.get_clean_steps" => listed("clean", "erase_devices_metadata", 99),
        "service.get_service_steps" => listed("service", "burnin_cpu", 0),
        "deploy.execute_deploy_step"
        | "clean.execute_clean_step"
        | "service.execute_service_step" => {
            let kind = request.name.split('.').next().unwrap_or_default();
            let called = request.params.get("step").cloned().unwrap_or_default();
            let echo = json!({"interface": called["interface"], "step": called["step"]});
            json!({format!("{kind}_result"): null, format!("{kind}_step"): echo})
        }
        "poll.get_hardware_info" => inventory(address),
        "standby.get_partition_uuids" => json!({"root uuid": "0x00000000"}),
        _ => Value::Null,
    }
}
