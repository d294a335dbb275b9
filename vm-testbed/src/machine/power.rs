//! What a reset means in each power state: pure, as a table.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Power {
    On,
    Off,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Power::On => "on",
            Power::Off => "off",
        })
    }
}

/// `ResetType` of Redfish, and `Cut`: the power is gone at once, as if the cord was pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reset {
    On,
    ForceOn,
    ForceOff,
    GracefulShutdown,
    GracefulRestart,
    ForceRestart,
    PowerCycle,
    PushPowerButton,
    Nmi,
    /// Not offered by the BMC.
    Cut,
}

/// A reset that the machine cannot do in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reset:?} does not fit a machine that is off")]
pub struct PowerError {
    pub reset: Reset,
}

/// What is to be done with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Start,
    Stop,
    Kill,
    Restart,
    PressButton,
    PressButtonAndRestart,
    Nmi,
}

impl Action {
    /// Whether the guest's next shutdown is the first half of a restart, by what held `before`: an order that changes no power
    /// takes back nothing that the guest was asked for.
    pub(super) fn restarts_later(self, before: bool) -> bool {
        match self {
            Action::Nothing | Action::Nmi => before,
            Action::PressButtonAndRestart => true,
            Action::Start | Action::Stop | Action::Kill | Action::Restart | Action::PressButton => {
                false
            }
        }
    }
}

impl Reset {
    pub const OF_BMC: [Reset; 9] = [
        Reset::On,
        Reset::ForceOn,
        Reset::ForceOff,
        Reset::GracefulShutdown,
        Reset::GracefulRestart,
        Reset::ForceRestart,
        Reset::PowerCycle,
        Reset::PushPowerButton,
        Reset::Nmi,
    ];

    pub(super) fn action(self, power: Power) -> Result<Action, PowerError> {
        use Action as A;
        let action = match (power, self) {
            (
                Power::Off,
                Reset::On | Reset::ForceOn | Reset::PushPowerButton | Reset::PowerCycle,
            ) => A::Start,
            // Asked for the state it is in, a BMC says yes: clients repeat themselves after a lost answer.
            (Power::Off, Reset::ForceOff | Reset::GracefulShutdown | Reset::Cut) => A::Nothing,
            (Power::On, Reset::On | Reset::ForceOn) => A::Nothing,
            (Power::Off, Reset::GracefulRestart | Reset::ForceRestart | Reset::Nmi) => {
                return Err(PowerError { reset: self });
            }
            (Power::On, Reset::ForceOff) => A::Stop,
            (Power::On, Reset::Cut) => A::Kill,
            (Power::On, Reset::ForceRestart | Reset::PowerCycle) => A::Restart,
            (Power::On, Reset::GracefulShutdown | Reset::PushPowerButton) => A::PressButton,
            (Power::On, Reset::GracefulRestart) => A::PressButtonAndRestart,
            (Power::On, Reset::Nmi) => A::Nmi,
        };
        Ok(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_that_was_asked_for_is_taken_back_by_power_orders_only() {
        for action in [Action::Nothing, Action::Nmi] {
            assert_eq!(
                [true, false].map(|before| action.restarts_later(before)),
                [true, false]
            );
        }
        assert!(Action::PressButtonAndRestart.restarts_later(false));
        for action in [Action::Stop, Action::PressButton, Action::Restart] {
            assert!(!action.restarts_later(true), "{action:?}");
        }
    }

    #[test]
    fn every_reset_in_every_state() {
        use Action as A;
        for (reset, off, on) in [
            (Reset::On, Some(A::Start), A::Nothing),
            (Reset::ForceOn, Some(A::Start), A::Nothing),
            (Reset::ForceOff, Some(A::Nothing), A::Stop),
            (Reset::GracefulShutdown, Some(A::Nothing), A::PressButton),
            (Reset::GracefulRestart, None, A::PressButtonAndRestart),
            (Reset::ForceRestart, None, A::Restart),
            (Reset::PowerCycle, Some(A::Start), A::Restart),
            (Reset::PushPowerButton, Some(A::Start), A::PressButton),
            (Reset::Nmi, None, A::Nmi),
            (Reset::Cut, Some(A::Nothing), A::Kill),
        ] {
            assert_eq!(reset.action(Power::Off).ok(), off, "{reset:?} when off");
            assert_eq!(reset.action(Power::On).ok(), Some(on), "{reset:?} when on");
        }
    }
}
