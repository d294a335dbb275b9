//! Power: the state a machine is in, what can be asked of it, and the interface that does it.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;

use crate::BmcError;

/// Whether a machine has power; `None` of an `Option<PowerState>` means that the BMC does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerState {
    /// The machine runs, or is on its way to.
    On,
    /// The machine is off, or on its way to.
    Off,
}

impl PowerState {
    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            PowerState::On => "power on",
            PowerState::Off => "power off",
        }
    }
}

/// What can be asked of a machine's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerAction {
    /// Switch on; nothing is done to a machine that is on.
    On,
    /// Cut the power; nothing is done to a machine that is off.
    Off,
    /// Ask the operating system to shut down, and wait until it has.
    SoftOff,
    /// Off, then on.
    Reboot,
    /// Ask the operating system to shut down, wait until it has, then on.
    SoftReboot,
}

impl PowerAction {
    /// Every action, in the order in which they are reported.
    pub const ALL: [PowerAction; 5] = [
        Self::On,
        Self::Off,
        Self::Reboot,
        Self::SoftReboot,
        Self::SoftOff,
    ];

    /// The target's name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            PowerAction::On => "power on",
            PowerAction::Off => "power off",
            PowerAction::SoftOff => "soft power off",
            PowerAction::Reboot => "rebooting",
            PowerAction::SoftReboot => "soft rebooting",
        }
    }

    /// The state in which the machine is once the action is done.
    pub fn leads_to(self) -> PowerState {
        match self {
            PowerAction::On | PowerAction::Reboot | PowerAction::SoftReboot => PowerState::On,
            PowerAction::Off | PowerAction::SoftOff => PowerState::Off,
        }
    }

    /// Whether the machine's operating system has a say, so that it takes its time.
    pub fn is_soft(self) -> bool {
        matches!(self, PowerAction::SoftOff | PowerAction::SoftReboot)
    }
}

/// A name that is none of the power targets.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' is not a power target: use power on, power off, rebooting, soft power off or soft rebooting"
)]
pub struct UnknownPowerAction(String);

impl FromStr for PowerAction {
    type Err = UnknownPowerAction;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|action| action.name() == name);
        found.ok_or_else(|| UnknownPowerAction(name.to_owned()))
    }
}

/// The power of one machine.
#[async_trait]
pub trait Power: Send + Sync {
    /// Reads the state; `None` where the BMC does not know it.
    async fn get(&self) -> Result<Option<PowerState>, BmcError>;

    /// Does the action and waits until the machine is in the state it leads to.
    ///
    /// `timeout` bounds each wait for a state; without it the configured times apply, which differ for soft actions.
    async fn set(&self, action: PowerAction, timeout: Option<Duration>) -> Result<(), BmcError>;

    /// The actions that this machine's BMC offers.
    async fn supported(&self) -> Result<Vec<PowerAction>, BmcError>;
}
