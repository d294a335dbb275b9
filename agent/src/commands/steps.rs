//! The steps that this agent itself offers for cleaning, deploying and servicing, and running one of them.
//!
//! Only steps that stand in `OFFERED` can be run, so the list that a conductor sees is the whole truth.

use std::collections::BTreeMap;

use ferric_agent_protocol::params::WriteImage;
use ferric_agent_protocol::steps::{ExecuteStep, StepKind, StepOutcome, StepSpec};
use serde_json::{Map, Value, json};

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Params, Run, arguments};
use super::{burnin, containers, erase, image, inject, managers, nvram, raid};
use crate::burnin::Part;
use crate::config::Settings;
use crate::disk::Depth;

/// The name and version that a conductor sends back with each step; raised when a step changes its meaning.
pub const MANAGER: &str = "ferric_agent";
pub const MANAGER_VERSION: &str = "1";

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    EraseDevices,
    EraseMetadata,
    EraseExpress,
    ErasePstore,
    BurnIn(Part),
    CleanNvram,
    InjectFiles,
    InstallBootc,
    WriteImage,
    CreateRaid,
    DeleteRaid,
    ApplyRaid,
}

struct Offered {
    kind: StepKind,
    action: Action,
    priority: i64,
    abortable: bool,
}

const OFFERED: &[Offered] = &[
    Offered {
        kind: StepKind::Clean,
        action: Action::EraseDevices,
        priority: 10,
        abortable: true,
    },
    Offered {
        kind: StepKind::Clean,
        action: Action::EraseMetadata,
        priority: 99,
        abortable: true,
    },
    Offered {
        kind: StepKind::Clean,
        action: Action::EraseExpress,
        priority: 0,
        abortable: true,
    },
    Offered {
        kind: StepKind::Clean,
        action: Action::ErasePstore,
        priority: 0,
        abortable: true,
    },
    Offered {
        kind: StepKind::Deploy,
        action: Action::EraseMetadata,
        priority: 0,
        abortable: true,
    },
    by_hand(StepKind::Clean, Action::BurnIn(Part::Cpu)),
    by_hand(StepKind::Clean, Action::BurnIn(Part::Memory)),
    by_hand(StepKind::Clean, Action::BurnIn(Part::Disk)),
    by_hand(StepKind::Clean, Action::BurnIn(Part::Network)),
    by_hand(StepKind::Clean, Action::CleanNvram),
    by_hand(StepKind::Deploy, Action::CleanNvram),
    by_hand(StepKind::Deploy, Action::InjectFiles),
    by_hand(StepKind::Service, Action::InjectFiles),
    by_hand(StepKind::Deploy, Action::InstallBootc),
    by_hand(StepKind::Service, Action::InstallBootc),
    by_hand(StepKind::Service, Action::BurnIn(Part::Cpu)),
    by_hand(StepKind::Service, Action::BurnIn(Part::Memory)),
    by_hand(StepKind::Service, Action::BurnIn(Part::Network)),
    // The conductor has a step of its own, with priority 80, that asks for this one.
    Offered {
        kind: StepKind::Deploy,
        action: Action::WriteImage,
        priority: 0,
        abortable: false,
    },
    raid_step(StepKind::Clean, Action::DeleteRaid, true),
    raid_step(StepKind::Clean, Action::CreateRaid, true),
    raid_step(StepKind::Deploy, Action::ApplyRaid, false),
    raid_step(StepKind::Service, Action::DeleteRaid, true),
    raid_step(StepKind::Service, Action::CreateRaid, true),
    raid_step(StepKind::Service, Action::ApplyRaid, false),
];

/// A step that is run where somebody asks for it.
const fn by_hand(kind: StepKind, action: Action) -> Offered {
    raid_step(kind, action, true)
}

/// Nothing of RAID happens unless it is asked for, either.
const fn raid_step(kind: StepKind, action: Action, abortable: bool) -> Offered {
    Offered {
        kind,
        action,
        priority: 0,
        abortable,
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::EraseDevices => "erase_devices",
            Self::EraseMetadata => "erase_devices_metadata",
            Self::EraseExpress => "erase_devices_express",
            Self::ErasePstore => "erase_pstore",
            Self::BurnIn(part) => part.step(),
            Self::CleanNvram => "clean_uefi_nvram",
            Self::InjectFiles => "inject_files",
            Self::InstallBootc => "execute_bootc_install",
            Self::WriteImage => "write_image",
            Self::CreateRaid => "create_configuration",
            Self::DeleteRaid => "delete_configuration",
            Self::ApplyRaid => "apply_configuration",
        }
    }

    fn interface(self) -> &'static str {
        match self {
            Self::CreateRaid | Self::DeleteRaid | Self::ApplyRaid => "raid",
            _ => "deploy",
        }
    }

    fn argsinfo(self) -> Option<Map<String, Value>> {
        let argument = |description: &str, required: bool| json!({"description": description, "required": required});
        match self {
            Self::EraseDevices
            | Self::EraseMetadata
            | Self::EraseExpress
            | Self::ErasePstore
            | Self::BurnIn(_)
            | Self::CreateRaid
            | Self::DeleteRaid => None,
            Self::CleanNvram => Some(nvram::argsinfo()),
            Self::InjectFiles => Some(inject::argsinfo()),
            Self::InstallBootc => Some(containers::argsinfo()),
            Self::ApplyRaid => Some(raid::apply_argsinfo()),
            Self::WriteImage => Some(Map::from_iter([
                (
                    "image_info".to_owned(),
                    argument("The image, its addresses and its checksum.", true),
                ),
                (
                    "configdrive".to_owned(),
                    argument(
                        "A URL, or base64 of a gzipped ISO 9660 image, for the config drive.",
                        false,
                    ),
                ),
            ])),
        }
    }
}

fn offered(kind: StepKind) -> impl Iterator<Item = &'static Offered> {
    OFFERED.iter().filter(move |offered| offered.kind == kind)
}

/// The names that are taken.
pub(super) fn names() -> Vec<&'static str> {
    let all = OFFERED.iter().map(|offered| offered.action.name());
    all.collect()
}

/// The built-in steps as a conductor sees them.
pub(super) fn own_steps(kind: StepKind, settings: &Settings) -> Vec<StepSpec> {
    let priority = |offered: &Offered| match offered.action {
        Action::InjectFiles => settings.inject_files_priority,
        _ => offered.priority,
    };
    let spec = |offered: &Offered| StepSpec {
        step: offered.action.name().to_owned(),
        interface: offered.action.interface().to_owned(),
        priority: priority(offered),
        reboot_requested: false,
        abortable: offered.abortable,
        argsinfo: offered.action.argsinfo(),
        rest: Map::new(),
    };
    offered(kind).map(spec).collect()
}

/// Runs one step. Parameters besides those of the protocol are arguments too; those within the step win.
pub(super) async fn execute(run: &Run, kind: StepKind, params: Params) -> Outcome {
    // Split, not copied: a config drive may be large, and the machine's memory small.
    let is_protocol =
        |key: &str| ["step", "node", "ports"].contains(&key) || key.ends_with("_version");
    let (params, more): (Params, Params) =
        params.into_iter().partition(|(key, _)| is_protocol(key));
    let call = ExecuteStep::from_params(kind, params)
        .map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    check_version(
        &managers::versions(&run.agent.managers),
        call.version.as_ref(),
    )?;
    if let Some(manager) = managers::manager_of(run, kind, &call).await? {
        return managers::execute(run, kind, manager, call, more).await;
    }
    let outcome = StepOutcome::of(&call.step, Value::Null);
    let action = match find(kind, &call.step.step) {
        Ok(action) => action,
        Err(unknown) => {
            let all = with_step_arguments(more, call.step.args);
            let step = (call.step.step.as_str(), all);
            let result = containers::execute(run, kind, step, names()).await?;
            let result = result.ok_or(unknown)?;
            return Ok(StepOutcome { result, ..outcome }.to_value(kind));
        }
    };
    let result = match action {
        Action::EraseDevices => erase::devices(run, kind, call.node, Depth::Everything).await?,
        Action::EraseExpress => erase::devices(run, kind, call.node, Depth::Express).await?,
        Action::EraseMetadata => erase::metadata(run, kind, call.node).await?,
        Action::ErasePstore => erase::pstore(run, kind).await?,
        Action::BurnIn(part) => burnin::burn_in(run, kind, call.node, part).await?,
        Action::CleanNvram => {
            let all = with_step_arguments(more, call.step.args);
            nvram::clean(run, kind, all).await?
        }
        Action::InjectFiles => {
            let all = with_step_arguments(more, call.step.args);
            inject::files(run, kind, call.node, (call.ports, all)).await?
        }
        Action::InstallBootc => {
            let all = with_step_arguments(more, call.step.args);
            containers::install(run, all, call.node).await?
        }
        Action::WriteImage => {
            let all = with_step_arguments(more, call.step.args);
            let wanted: WriteImage = arguments(all)?;
            image::write(run, wanted, call.node).await?
        }
        Action::CreateRaid => raid::create(run, kind, call.node).await?,
        Action::DeleteRaid => raid::delete(run, kind, call.node).await?,
        Action::ApplyRaid => {
            let wanted = arguments(with_step_arguments(more, call.step.args))?;
            raid::apply(run, kind, call.node, wanted).await?
        }
    };
    Ok(StepOutcome { result, ..outcome }.to_value(kind))
}

pub(super) fn with_step_arguments(mut params: Params, arguments: Map<String, Value>) -> Params {
    params.extend(arguments);
    params
}

fn check_version(
    own: &BTreeMap<String, String>,
    sent: Option<&BTreeMap<String, String>>,
) -> Result<(), Failure> {
    match sent {
        Some(sent) if sent != own => {
            let details = format!(
                "the agent's hardware managers are {own:?}, but the steps were made with {sent:?}"
            );
            Err(Failure::new(ErrorKind::VersionMismatch, details))
        }
        _ => Ok(()),
    }
}

fn find(kind: StepKind, name: &str) -> Result<Action, Failure> {
    let found = offered(kind).find(|offered| offered.action.name() == name);
    found.map(|offered| offered.action).ok_or_else(|| {
        let names: Vec<&str> = offered(kind).map(|offered| offered.action.name()).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let details = format!(
            "this agent has no {} step {name:?}; it has: {names}",
            kind.name()
        );
        Failure::new(error_kind(kind), details)
    })
}

pub(super) fn error_kind(kind: StepKind) -> ErrorKind {
    match kind {
        StepKind::Clean => ErrorKind::Cleaning,
        StepKind::Deploy => ErrorKind::Deployment,
        StepKind::Service => ErrorKind::Servicing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::all_settings;
    use super::*;
    use crate::managers::Managers;

    #[test]
    fn each_kind_lists_its_own_steps() {
        let names = |kind| {
            let settings = all_settings("inject_files_priority = 7\n");
            own_steps(kind, &settings)
                .iter()
                .map(|step| format!("{} {}", step.step, step.priority))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(StepKind::Clean),
            [
                "erase_devices 10",
                "erase_devices_metadata 99",
                "erase_devices_express 0",
                "erase_pstore 0",
                "burnin_cpu 0",
                "burnin_memory 0",
                "burnin_disk 0",
                "burnin_network 0",
                "clean_uefi_nvram 0",
                "delete_configuration 0",
                "create_configuration 0"
            ]
        );
        assert_eq!(
            names(StepKind::Deploy),
            [
                "erase_devices_metadata 0",
                "clean_uefi_nvram 0",
                "inject_files 7",
                "execute_bootc_install 0",
                "write_image 0",
                "apply_configuration 0"
            ]
        );
        assert_eq!(
            names(StepKind::Service),
            [
                "inject_files 7",
                "execute_bootc_install 0",
                "burnin_cpu 0",
                "burnin_memory 0",
                "burnin_network 0",
                "delete_configuration 0",
                "create_configuration 0",
                "apply_configuration 0"
            ]
        );
    }

    #[test]
    fn steps_of_raid_belong_to_its_interface() {
        let steps = own_steps(StepKind::Service, &all_settings(""));
        let steps = &steps[5..];
        assert!(steps.iter().all(|step| step.interface == "raid"));
        let abortable: Vec<_> = steps.iter().map(|step| step.abortable).collect();
        assert_eq!(abortable, [true, true, false]);
        let arguments = steps[2].argsinfo.as_ref().unwrap();
        assert_eq!(arguments["raid_config"]["required"], json!(true));
        assert_eq!(arguments["delete_existing"]["required"], json!(false));
    }

    #[test]
    fn a_step_that_is_not_offered_is_refused_with_those_that_are() {
        let failure = find(StepKind::Clean, "write_image").unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Cleaning);
        let expected =
            "no clean step \"write_image\"; it has: erase_devices, erase_devices_metadata, ";
        assert!(failure.details.contains(expected), "{}", failure.details);
    }

    #[test]
    fn versions_must_be_equal_if_they_are_sent() {
        let own = managers::versions(&Managers::default());
        assert_eq!(check_version(&own, None), Ok(()));
        assert_eq!(check_version(&own, Some(&own)), Ok(()));
        let other = BTreeMap::from([("generic_hardware_manager".to_owned(), "1.2".to_owned())]);
        let failure = check_version(&own, Some(&other)).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::VersionMismatch);
    }

    #[test]
    fn arguments_of_the_step_win() {
        let params = json!({"a": 1, "b": 1});
        let arguments = json!({"b": 2});
        let all = with_step_arguments(
            params.as_object().unwrap().clone(),
            arguments.as_object().unwrap().clone(),
        );
        assert_eq!(Value::Object(all), json!({"a": 1, "b": 2}));
    }
}
