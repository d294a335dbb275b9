//! The names of the commands, and which of them are answered only when they are done.

use ferric_agent_protocol::steps::StepKind;

use super::run::Params;
use super::{flow, steps};

/// A command that this agent knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    GetSteps(StepKind),
    ExecuteStep(StepKind),
    PrepareImage,
    ExecuteBootcInstall,
    RunImage,
    PowerOff,
    Sync,
    GetPartitionUuids,
    DiscardImage,
    InstallBootloader,
    FinalizeRescue,
    CollectSystemLogs,
    StartFlow,
    GetHardwareInfo,
    SetNodeInfo,
    Lockdown,
}

/// When a command is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When it is done; it takes well below the conductor's 60 s.
    Sync,
    /// At once; the conductor asks for the list later.
    Async,
}

/// What becomes of a command during which the agent died, once it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterCrash {
    /// It is run again from its beginning, however far it came.
    Again,
    /// It has failed: it must not be done twice, or nobody knows what it has left behind.
    Fails,
}

/// Why a name is that of no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    Form,
    Extension(String),
    Command(String),
}

const EXTENSIONS: [(&str, &[Command]); 10] = [
    (
        "clean",
        &[
            Command::GetSteps(StepKind::Clean),
            Command::ExecuteStep(StepKind::Clean),
        ],
    ),
    (
        "deploy",
        &[
            Command::GetSteps(StepKind::Deploy),
            Command::ExecuteStep(StepKind::Deploy),
        ],
    ),
    (
        "service",
        &[
            Command::GetSteps(StepKind::Service),
            Command::ExecuteStep(StepKind::Service),
        ],
    ),
    (
        "standby",
        &[
            Command::PrepareImage,
            Command::ExecuteBootcInstall,
            Command::RunImage,
            Command::PowerOff,
            Command::Sync,
            Command::GetPartitionUuids,
            Command::DiscardImage,
        ],
    ),
    ("image", &[Command::InstallBootloader]),
    ("rescue", &[Command::FinalizeRescue]),
    ("log", &[Command::CollectSystemLogs]),
    ("flow", &[Command::StartFlow]),
    ("poll", &[Command::GetHardwareInfo, Command::SetNodeInfo]),
    ("system", &[Command::Lockdown]),
];

impl Command {
    /// Finds a command by `<extension>.<name>`.
    ///
    /// # Errors
    /// When there is none with this name.
    pub fn parse(name: &str) -> Result<Self, Unknown> {
        let (extension, name) = name.split_once('.').ok_or(Unknown::Form)?;
        let (_, commands) = EXTENSIONS
            .into_iter()
            .find(|(known, _)| *known == extension)
            .ok_or_else(|| Unknown::Extension(extension.to_owned()))?;
        let mut commands = commands.iter().copied();
        commands
            .find(|command| command.name() == name)
            .ok_or_else(|| Unknown::Command(name.to_owned()))
    }

    /// The name without its extension, as results carry it.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::GetSteps(kind) => return kind.list_command(),
            Self::ExecuteStep(kind) => return kind.execute_command(),
            Self::PrepareImage => "prepare_image",
            Self::ExecuteBootcInstall => "execute_bootc_install",
            Self::RunImage => "run_image",
            Self::PowerOff => "power_off",
            Self::Sync => "sync",
            Self::GetPartitionUuids => "get_partition_uuids",
            Self::DiscardImage => "discard_image",
            Self::InstallBootloader => "install_bootloader",
            Self::FinalizeRescue => "finalize_rescue",
            Self::CollectSystemLogs => "collect_system_logs",
            Self::StartFlow => "start_flow",
            Self::GetHardwareInfo => "get_hardware_info",
            Self::SetNodeInfo => "set_node_info",
            Self::Lockdown => "lockdown",
        };
        name.to_owned()
    }

    /// When it is answered.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::GetSteps(_)
            | Self::Sync
            | Self::GetPartitionUuids
            | Self::DiscardImage
            | Self::FinalizeRescue
            | Self::CollectSystemLogs
            | Self::GetHardwareInfo
            | Self::SetNodeInfo
            | Self::Lockdown => Mode::Sync,
            Self::ExecuteStep(_)
            | Self::PrepareImage
            | Self::ExecuteBootcInstall
            | Self::RunImage
            | Self::PowerOff
            | Self::InstallBootloader
            | Self::StartFlow => Mode::Async,
        }
    }

    /// What becomes of it when the agent dies.
    pub(super) fn after_crash(self, params: &Params) -> AfterCrash {
        match self {
            Self::ExecuteStep(kind) => steps::after_crash(kind, params),
            Self::StartFlow => flow::after_crash(params),
            Self::GetSteps(_)
            | Self::PrepareImage
            | Self::Sync
            | Self::GetPartitionUuids
            | Self::DiscardImage
            | Self::InstallBootloader
            | Self::CollectSystemLogs
            | Self::GetHardwareInfo => AfterCrash::Again,
            // A container goes on without the agent, and what ends the agent's work is not for the next one.
            Self::ExecuteBootcInstall
            | Self::RunImage
            | Self::PowerOff
            | Self::FinalizeRescue
            | Self::SetNodeInfo
            | Self::Lockdown => AfterCrash::Fails,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_command_is_found_by_its_name() {
        for (extension, commands) in EXTENSIONS {
            for command in commands {
                let name = format!("{extension}.{}", command.name());
                assert_eq!(Command::parse(&name), Ok(*command), "{name}");
            }
        }
        let step = Command::ExecuteStep(StepKind::Deploy);
        assert_eq!(Command::parse("deploy.execute_deploy_step"), Ok(step));
    }

    #[test]
    fn what_must_not_be_done_twice_fails_when_the_agent_dies() {
        let after = |name: &str, params: serde_json::Value| {
            let params = params.as_object().unwrap();
            Command::parse(name).unwrap().after_crash(params)
        };
        let step = |name: &str| json!({"step": {"interface": "deploy", "step": name}});
        let flow = |second: &str| json!({"flow": [{"standby.sync": {}}, {second: {}}]});
        for (name, params) in [
            ("standby.prepare_image", json!({})),
            ("image.install_bootloader", json!({})),
            ("deploy.get_deploy_steps", json!({})),
            ("deploy.execute_deploy_step", step("write_image")),
            ("deploy.execute_deploy_step", step("inject_files")),
            ("clean.execute_clean_step", step("erase_devices")),
            ("flow.start_flow", flow("log.collect_system_logs")),
        ] {
            assert_eq!(after(name, params.clone()), AfterCrash::Again, "{params}");
        }
        for (name, params) in [
            ("standby.power_off", json!({})),
            ("standby.run_image", json!({})),
            ("rescue.finalize_rescue", json!({"rescue_password": "x"})),
            ("standby.execute_bootc_install", json!({})),
            ("deploy.execute_deploy_step", step("execute_bootc_install")),
            ("deploy.execute_deploy_step", step("apply_configuration")),
            ("deploy.execute_deploy_step", step("of_another_manager")),
            ("deploy.execute_deploy_step", json!({})),
            ("flow.start_flow", flow("standby.power_off")),
            ("flow.start_flow", json!({})),
        ] {
            assert_eq!(after(name, params.clone()), AfterCrash::Fails, "{params}");
        }
    }

    #[test]
    fn unknown_names_are_told_apart() {
        assert_eq!(Command::parse("sync"), Err(Unknown::Form));
        assert_eq!(
            Command::parse("iscsi.start"),
            Err(Unknown::Extension("iscsi".to_owned()))
        );
        assert_eq!(
            Command::parse("clean.get_deploy_steps"),
            Err(Unknown::Command("get_deploy_steps".to_owned()))
        );
        assert_eq!(
            Command::parse("standby."),
            Err(Unknown::Command(String::new()))
        );
    }
}
