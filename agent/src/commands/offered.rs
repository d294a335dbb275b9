//! The steps that this agent itself offers for cleaning, deploying and servicing.
//!
//! Only steps that stand in `OFFERED` can be run, so the list that a conductor sees is the whole truth.

use ferric_agent_protocol::steps::{StepKind, StepSpec};
use serde_json::{Map, Value};

use super::catalog::AfterCrash;
use super::failure::{ErrorKind, Failure};
use super::{containers, image, inject, nvram, raid};
use crate::burnin::Part;
use crate::config::Settings;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
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
    to_the_end(StepKind::Deploy, Action::InjectFiles),
    to_the_end(StepKind::Service, Action::InjectFiles),
    to_the_end(StepKind::Deploy, Action::InstallBootc),
    to_the_end(StepKind::Service, Action::InstallBootc),
    by_hand(StepKind::Service, Action::BurnIn(Part::Cpu)),
    by_hand(StepKind::Service, Action::BurnIn(Part::Memory)),
    by_hand(StepKind::Service, Action::BurnIn(Part::Network)),
    // The conductor has a step of its own, with priority 80, that asks for this one.
    to_the_end(StepKind::Deploy, Action::WriteImage),
    to_the_end(StepKind::Service, Action::WriteImage),
    by_hand(StepKind::Clean, Action::DeleteRaid),
    by_hand(StepKind::Clean, Action::CreateRaid),
    to_the_end(StepKind::Deploy, Action::ApplyRaid),
    by_hand(StepKind::Service, Action::DeleteRaid),
    by_hand(StepKind::Service, Action::CreateRaid),
    to_the_end(StepKind::Service, Action::ApplyRaid),
];

/// A step that is run where somebody asks for it.
const fn by_hand(kind: StepKind, action: Action) -> Offered {
    Offered {
        kind,
        action,
        priority: 0,
        abortable: true,
    }
}

/// The same, for what leaves half a system behind when it is aborted.
const fn to_the_end(kind: StepKind, action: Action) -> Offered {
    Offered {
        abortable: false,
        ..by_hand(kind, action)
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

    /// Half a RAID, or half a system of a container that goes on without the agent, is for people to look at.
    pub(super) fn after_crash(self) -> AfterCrash {
        match self {
            Self::EraseDevices
            | Self::EraseMetadata
            | Self::EraseExpress
            | Self::ErasePstore
            | Self::BurnIn(_)
            | Self::CleanNvram
            | Self::InjectFiles
            | Self::WriteImage => AfterCrash::Again,
            Self::InstallBootc | Self::CreateRaid | Self::DeleteRaid | Self::ApplyRaid => {
                AfterCrash::Fails
            }
        }
    }

    fn argsinfo(self) -> Option<Map<String, Value>> {
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
            Self::WriteImage => Some(image::argsinfo()),
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

/// The step of this name, for this kind.
pub(super) fn find(kind: StepKind, name: &str) -> Result<Action, Failure> {
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
        Failure::new(ErrorKind::NoSuchStep, details)
    })
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::all_settings;
    use super::*;
    use serde_json::json;

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
                "write_image 0",
                "delete_configuration 0",
                "create_configuration 0",
                "apply_configuration 0"
            ]
        );
    }

    /// As Ironic's agent has it, which says nothing of these.
    #[test]
    fn what_would_leave_half_a_system_cannot_be_aborted() {
        let kept = |kind| {
            let steps = own_steps(kind, &all_settings("")).into_iter();
            let kept = steps.filter(|step| !step.abortable);
            kept.map(|step| step.step).collect::<Vec<_>>()
        };
        let all = [
            "inject_files",
            "execute_bootc_install",
            "write_image",
            "apply_configuration",
        ];
        assert_eq!(kept(StepKind::Deploy), all);
        assert_eq!(kept(StepKind::Service), all);
        assert!(kept(StepKind::Clean).is_empty());
    }

    #[test]
    fn steps_of_raid_belong_to_its_interface() {
        let steps = own_steps(StepKind::Service, &all_settings(""));
        let steps = &steps[6..];
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
        assert_eq!(failure.kind, ErrorKind::NoSuchStep);
        let expected =
            "no clean step \"write_image\"; it has: erase_devices, erase_devices_metadata, ";
        assert!(failure.details.contains(expected), "{}", failure.details);
    }
}
