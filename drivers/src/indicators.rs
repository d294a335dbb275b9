//! Indicator lights: by which of its parts a machine is found in its rack.

use std::str::FromStr;

use async_trait::async_trait;

use crate::BmcError;

/// The part of a machine that a light belongs to, by Ironic's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// What one or several machines are built into.
    Chassis,
    /// The machine.
    System,
    /// A drive.
    Disk,
    /// A power supply.
    Power,
    /// A network interface.
    Nic,
}

impl Component {
    /// Every component.
    pub const ALL: [Component; 5] = [
        Self::Chassis,
        Self::System,
        Self::Disk,
        Self::Power,
        Self::Nic,
    ];

    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            Component::Chassis => "chassis",
            Component::System => "system",
            Component::Disk => "disk",
            Component::Power => "power",
            Component::Nic => "nic",
        }
    }
}

/// A name that is none of the components.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a component: use one of chassis, system, disk, power, nic")]
pub struct UnknownComponent(String);

impl FromStr for Component {
    type Err = UnknownComponent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|part| part.name() == name);
        found.ok_or_else(|| UnknownComponent(name.to_owned()))
    }
}

/// What a light does, by Ironic's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndicatorState {
    /// It is lit.
    On,
    /// It is dark.
    Off,
    /// It blinks.
    Blinking,
    /// The BMC does not say.
    Unknown,
}

impl IndicatorState {
    /// Every state.
    pub const ALL: [IndicatorState; 4] = [Self::On, Self::Off, Self::Blinking, Self::Unknown];

    /// The name in Ironic's API.
    pub fn name(self) -> &'static str {
        match self {
            IndicatorState::On => "on",
            IndicatorState::Off => "off",
            IndicatorState::Blinking => "blinking",
            IndicatorState::Unknown => "unknown",
        }
    }
}

/// A name that is none of the states.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a state of an indicator: use one of on, off, blinking, unknown")]
pub struct UnknownIndicatorState(String);

impl FromStr for IndicatorState {
    type Err = UnknownIndicatorState;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| UnknownIndicatorState(name.to_owned()))
    }
}

/// Whether a light can be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switchable {
    /// It can.
    Yes,
    /// It only shows something.
    No,
}

/// One light of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// What it belongs to.
    pub component: Component,
    /// Tells it from the others of its component.
    pub name: String,
    /// Whether it can be switched.
    pub switchable: Switchable,
    /// What it can do.
    pub states: Vec<IndicatorState>,
}

/// The lights of one machine.
#[async_trait]
pub trait Indicators: Send + Sync {
    /// The lights that there are.
    async fn list(&self) -> Result<Vec<Indicator>, BmcError>;

    /// Reads what a light does.
    ///
    /// # Errors
    /// [`BmcError::NotOffered`]: there is no such light.
    async fn get(&self, component: Component, name: &str) -> Result<IndicatorState, BmcError>;

    /// Switches a light.
    ///
    /// # Errors
    /// [`BmcError::NotOffered`]: there is no such light, or it does not do this.
    async fn set(
        &self,
        component: Component,
        name: &str,
        state: IndicatorState,
    ) -> Result<(), BmcError>;
}
