//! Turns the machine off or reboots it. Only `Host` gives the permit for that.

use std::fs;
use std::io;

use nix::sys::reboot::{RebootMode, reboot};

use crate::host::PowerPermit;

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerAction {
    Off,
    Reboot,
}

/// Why it did not.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    #[error("the kernel neither changed the power state ({first}) nor took a request by sysrq")]
    Refused {
        first: nix::Error,
        #[source]
        second: io::Error,
    },
}

/// Asks the kernel at once: in the ramdisk there is nothing that a shutdown would have to save. If it refuses, the
/// way that works even then is sysrq.
///
/// # Errors
/// When neither way works.
pub fn change(_permit: &PowerPermit, action: PowerAction) -> Result<(), PowerError> {
    nix::unistd::sync();
    let (mode, key) = match action {
        PowerAction::Off => (RebootMode::RB_POWER_OFF, "o"),
        PowerAction::Reboot => (RebootMode::RB_AUTOBOOT, "b"),
    };
    let Err(first) = reboot(mode);
    tracing::error!(error = %first, "changing the power state; trying sysrq");
    fs::write("/proc/sysrq-trigger", key).map_err(|second| PowerError::Refused { first, second })
}
