//! Finding out how what Redfish BMCs do by themselves ends.

use std::time::Duration;

use crate::InterfaceKind;
use crate::task_watch::TaskWatch;

/// Ironic's pace.
pub(super) const SPACING: Duration = Duration::from_secs(60);

pub(crate) static WATCHES: &[TaskWatch] = &[
    TaskWatch {
        purpose: "watching BIOS settings of Redfish BMCs",
        interface: InterfaceKind::Bios,
        implementation: "redfish",
        spacing: SPACING,
    },
    TaskWatch {
        purpose: "watching firmware updates of Redfish BMCs",
        interface: InterfaceKind::Firmware,
        implementation: "redfish",
        spacing: SPACING,
    },
    TaskWatch {
        purpose: "watching RAID tasks of Redfish BMCs",
        interface: InterfaceKind::Raid,
        implementation: "redfish",
        spacing: SPACING,
    },
];
