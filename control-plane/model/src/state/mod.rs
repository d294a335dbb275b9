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
