//! Finding out how the tasks of fake machines end.

use std::time::Duration;

use crate::InterfaceKind;
use crate::task_watch::TaskWatch;

const SPACING: Duration = Duration::from_secs(5);

pub(crate) static WATCHES: &[TaskWatch] = &[
    TaskWatch {
        purpose: "watching BIOS tasks of fake machines",
        interface: InterfaceKind::Bios,
        implementation: "fake",
        spacing: SPACING,
    },
    TaskWatch {
        purpose: "watching firmware tasks of fake machines",
        interface: InterfaceKind::Firmware,
        implementation: "fake",
        spacing: SPACING,
    },
    TaskWatch {
        purpose: "watching RAID tasks of fake machines",
        interface: InterfaceKind::Raid,
        implementation: "fake",
        spacing: SPACING,
    },
];
