//! The boot override of a BMC as Redfish names it.

use serde::{Deserialize, Serialize};

/// `BootSourceOverrideTarget`: only what the firmware here can really do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    #[default]
    None,
    Pxe,
    Cd,
    Hdd,
}

/// `BootSourceOverrideEnabled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duration {
    #[default]
    Disabled,
    Once,
    Continuous,
}

/// `BootSourceOverrideMode`: which firmware the next start uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    #[serde(rename = "UEFI")]
    Uefi,
    Legacy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    pub target: Target,
    pub enabled: Duration,
    pub mode: Mode,
}

impl Override {
    pub fn none(mode: Mode) -> Override {
        Override {
            target: Target::None,
            enabled: Duration::Disabled,
            mode,
        }
    }

    /// A partial change, as a PATCH carries it. What is not given stays: a target may be set before it is enabled.
    pub fn change(
        self,
        target: Option<Target>,
        enabled: Option<Duration>,
        mode: Option<Mode>,
    ) -> Override {
        Override {
            target: target.unwrap_or(self.target),
            enabled: enabled.unwrap_or(self.enabled),
            mode: mode.unwrap_or(self.mode),
        }
    }

    /// Takes what holds for the start that happens now, and leaves what holds for those after it.
    pub fn take(&mut self) -> Target {
        let now = self.target;
        match self.enabled {
            Duration::Disabled => Target::None,
            Duration::Continuous => now,
            Duration::Once => {
                *self = Override::none(self.mode);
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(target: Target, enabled: Duration) -> Override {
        Override::none(Mode::Uefi).change(Some(target), Some(enabled), None)
    }

    #[test]
    fn once_holds_for_exactly_one_start() {
        let mut boot = set(Target::Pxe, Duration::Once);
        assert_eq!(
            [boot.take(), boot.take(), boot.take()],
            [Target::Pxe, Target::None, Target::None]
        );
        assert_eq!(boot, Override::none(Mode::Uefi));
    }

    #[test]
    fn continuous_holds_until_disabled() {
        let mut boot = set(Target::Cd, Duration::Continuous);
        assert_eq!([boot.take(), boot.take()], [Target::Cd, Target::Cd]);
        boot = boot.change(None, Some(Duration::Disabled), None);
        assert_eq!(boot.take(), Target::None);
    }

    #[test]
    fn once_replaces_continuous_and_keeps_the_target_not_given() {
        let mut boot =
            set(Target::Hdd, Duration::Continuous).change(None, Some(Duration::Once), None);
        assert_eq!(boot, set(Target::Hdd, Duration::Once));
        assert_eq!([boot.take(), boot.take()], [Target::Hdd, Target::None]);
    }

    #[test]
    fn a_target_can_be_set_before_it_is_enabled() {
        let mut boot = Override::none(Mode::Uefi).change(Some(Target::Pxe), None, None);
        assert_eq!(boot.take(), Target::None);
        boot = boot.change(None, Some(Duration::Once), None);
        assert_eq!([boot.take(), boot.take()], [Target::Pxe, Target::None]);
    }

    #[test]
    fn mode_changes_alone_and_stays_after_a_start() {
        let mut boot = set(Target::Pxe, Duration::Once).change(None, None, Some(Mode::Legacy));
        assert_eq!((boot.target, boot.mode), (Target::Pxe, Mode::Legacy));
        boot.take();
        assert_eq!(boot, Override::none(Mode::Legacy));
    }
}
