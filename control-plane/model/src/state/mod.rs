//! The provision state machine: Ironic's states and events, and the one function that leads from one to another.
//!
//! It looks a pair up in `table::TRANSITIONS` and nothing else; what a state carries (steps, deadlines) is in `run`.

pub mod table;

pub use crate::named::UnknownName;
use crate::named::named;

named!(
    /// Where a node stands. The names are Ironic's, to the letter.
    ProvisionState, "provision state", {
        Enroll = "enroll",
        Verifying = "verifying",
        Manageable = "manageable",
        Available = "available",
        Active = "active",
        Error = "error",
        Rescue = "rescue",
        Deploying = "deploying",
        DeployWait = "wait call-back",
        DeployFailed = "deploy failed",
        DeployHold = "deploy hold",
        Cleaning = "cleaning",
        CleanWait = "clean wait",
        CleanFailed = "clean failed",
        CleanHold = "clean hold",
        Deleting = "deleting",
        Inspecting = "inspecting",
        InspectWait = "inspect wait",
        InspectFailed = "inspect failed",
        Adopting = "adopting",
        AdoptFailed = "adopt failed",
        Rescuing = "rescuing",
        RescueWait = "rescue wait",
        RescueFailed = "rescue failed",
        Unrescuing = "unrescuing",
        UnrescueFailed = "unrescue failed",
        Servicing = "servicing",
        ServiceWait = "service wait",
        ServiceFailed = "service failed",
        ServiceHold = "service hold",
    }
);

named!(
    /// What makes a node move. The names are Ironic's.
    Event, "provision event", {
        Manage = "manage",
        Provide = "provide",
        Inspect = "inspect",
        Adopt = "adopt",
        Deploy = "deploy",
        Rebuild = "rebuild",
        Delete = "delete",
        Clean = "clean",
        Rescue = "rescue",
        Unrescue = "unrescue",
        Service = "service",
        Abort = "abort",
        Unhold = "unhold",
        Done = "done",
        Fail = "fail",
        Wait = "wait",
        Resume = "resume",
        Hold = "hold",
    }
);

named!(
    /// What the BMC says, or what was asked of it.
    PowerState, "power state", {
        On = "power on",
        Off = "power off",
        Error = "error",
        Rebooting = "rebooting",
        SoftRebooting = "soft rebooting",
        SoftOff = "soft power off",
    }
);

/// The event is not for this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {event:?} is not allowed in the provision state {state:?}", event = event.name(), state = state.name())]
pub struct Illegal {
    pub state: ProvisionState,
    pub event: Event,
}

impl ProvisionState {
    /// In these a node may be changed although it is on its way somewhere.
    pub const OPEN_ON_THE_WAY: &[Self] = &[
        Self::DeployFailed,
        Self::Inspecting,
        Self::InspectFailed,
        Self::InspectWait,
        Self::CleanFailed,
        Self::Error,
        Self::Verifying,
        Self::AdoptFailed,
        Self::RescueFailed,
        Self::UnrescueFailed,
        Self::ServiceHold,
        Self::ServiceFailed,
    ];

    /// In these its interfaces and its resource class may be changed.
    pub const OPEN_FOR_INTERFACES: &[Self] = &[
        Self::Enroll,
        Self::Inspecting,
        Self::InspectWait,
        Self::Manageable,
        Self::Available,
    ];

    /// The state that the event leads to.
    ///
    /// # Errors
    /// [`Illegal`] when the table has no such row.
    pub fn on(self, event: Event) -> Result<Self, Illegal> {
        table::TRANSITIONS
            .iter()
            .find(|(from, on, _)| *from == self && *on == event)
            .map(|(_, _, to)| *to)
            .ok_or(Illegal { state: self, event })
    }

    /// A state that a node rests in until somebody asks for more.
    pub const fn is_stable(self) -> bool {
        matches!(
            self,
            Self::Enroll
                | Self::Manageable
                | Self::Available
                | Self::Active
                | Self::Error
                | Self::Rescue
        )
    }

    /// The machine or the operator acts, not the conductor.
    pub const fn is_wait(self) -> bool {
        matches!(
            self,
            Self::DeployWait
                | Self::CleanWait
                | Self::InspectWait
                | Self::RescueWait
                | Self::ServiceWait
        )
    }

    /// An operator said stop: nothing goes on, and no time runs out, until one says go.
    pub const fn is_hold(self) -> bool {
        matches!(self, Self::DeployHold | Self::CleanHold | Self::ServiceHold)
    }

    /// The conductor acts: after a crash such a node is resumed from its journal.
    pub const fn is_running(self) -> bool {
        matches!(
            self,
            Self::Verifying
                | Self::Deploying
                | Self::Cleaning
                | Self::Deleting
                | Self::Inspecting
                | Self::Adopting
                | Self::Rescuing
                | Self::Unrescuing
                | Self::Servicing
        )
    }

    /// Where lookup answers: the states in which a ramdisk may be running.
    pub const fn allows_lookup(self) -> bool {
        matches!(
            self,
            Self::Deploying
                | Self::DeployWait
                | Self::Cleaning
                | Self::CleanWait
                | Self::Inspecting
                | Self::InspectWait
                | Self::Rescuing
                | Self::RescueWait
                | Self::ServiceWait
        )
    }

    /// Where lookup answers beside these while ramdisks are kept up between activities (fast track).
    pub const fn allows_lookup_on_fast_track(self) -> bool {
        matches!(
            self,
            Self::Enroll | Self::Manageable | Self::Available | Self::Servicing | Self::ServiceHold
        )
    }

    /// What `target_provision_state` becomes when the state is entered and nobody asked for another goal.
    pub const fn default_target(self) -> Option<Self> {
        match self {
            Self::Verifying | Self::Inspecting | Self::InspectWait | Self::InspectFailed => {
                Some(Self::Manageable)
            }
            Self::Deploying
            | Self::DeployWait
            | Self::DeployFailed
            | Self::DeployHold
            | Self::Adopting
            | Self::AdoptFailed
            | Self::Unrescuing
            | Self::UnrescueFailed
            | Self::Servicing
            | Self::ServiceWait
            | Self::ServiceFailed
            | Self::ServiceHold => Some(Self::Active),
            Self::Cleaning
            | Self::CleanWait
            | Self::CleanFailed
            | Self::CleanHold
            | Self::Deleting => Some(Self::Available),
            Self::Rescuing | Self::RescueWait | Self::RescueFailed => Some(Self::Rescue),
            Self::Enroll
            | Self::Manageable
            | Self::Available
            | Self::Active
            | Self::Error
            | Self::Rescue => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The whole product of states and events: a changed row, and one that was forgotten, show here.
    #[test]
    fn every_event_in_every_state() {
        let mut product = String::new();
        for state in ProvisionState::ALL {
            writeln!(product, "{state}").unwrap();
            let (legal, illegal): (Vec<Event>, Vec<Event>) = Event::ALL
                .iter()
                .partition(|event| state.on(**event).is_ok());
            for event in legal {
                let next = state.on(event).unwrap();
                writeln!(product, "    {:9} -> {next}", event.name()).unwrap();
            }
            let illegal: Vec<_> = illegal.into_iter().map(Event::name).collect();
            writeln!(product, "    illegal: {}", illegal.join(", ")).unwrap();
        }
        insta::assert_snapshot!(product);
    }

    #[test]
    fn an_illegal_event_says_which_and_where() {
        let illegal = ProvisionState::DeployWait.on(Event::Provide).unwrap_err();
        assert_eq!(
            illegal.to_string(),
            "the event \"provide\" is not allowed in the provision state \"wait call-back\""
        );
    }

    #[test]
    fn names_go_both_ways() {
        for state in ProvisionState::ALL {
            assert_eq!(state.name().parse::<ProvisionState>().unwrap(), *state);
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json, state.name());
        }
        assert!("Active".parse::<ProvisionState>().is_err());
    }

    /// Stable, running, waiting, failed, held: each state is one of them, and only one.
    #[test]
    fn every_state_is_of_one_kind() {
        for state in ProvisionState::ALL {
            let is = |suffix: &str| state.name().ends_with(suffix);
            let kinds = [
                state.is_stable(),
                state.is_running(),
                state.is_wait(),
                is("failed"),
                state.is_hold(),
            ];
            let count = kinds.iter().filter(|kind| **kind).count();
            assert_eq!(count, 1, "{state}");
            assert_eq!(
                state.default_target().is_none(),
                state.is_stable(),
                "{state}"
            );
        }
    }

    /// Nothing is a dead end: from each state some events lead to one that rests.
    #[test]
    fn a_stable_state_can_be_reached_from_everywhere() {
        for start in ProvisionState::ALL {
            let mut reached = vec![*start];
            let mut next = 0;
            while let Some(state) = reached.get(next).copied() {
                next += 1;
                for after in Event::ALL.iter().filter_map(|event| state.on(*event).ok()) {
                    if !reached.contains(&after) {
                        reached.push(after);
                    }
                }
            }
            assert!(
                reached[1..].iter().any(|state| state.is_stable()),
                "{start}"
            );
        }
    }
}
