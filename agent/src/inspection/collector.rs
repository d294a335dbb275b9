//! The list of collectors, by the names that `ipa-inspection-collectors` has for them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::inspection::InspectionData;
use serde::Serialize;

use super::deadline::{Running, Unfinished};
use super::{Subject, default, dmi, extra, health, lldp, logs, numa, tpm, usb};
use crate::disk::DiskError;
use crate::inventory::{self, InventoryError};

/// What hardware managers of others find out: it runs wherever there are such that collect, named or not.
pub(super) const OF_MANAGERS: &str = "hardware-managers";

/// All that there are.
pub(super) const ALL: [Collector; 11] = [
    // udev may take a minute, and each channel of a BMC that does not answer 20 s.
    collector(default::NAME, 300, default::collect),
    collector("pci-devices", 30, pci_devices),
    collector("numa-topology", 30, numa::collect),
    collector("dmi-decode", 30, dmi::collect),
    collector("usb-devices", 30, usb::collect),
    collector("tpm", 30, tpm::collect),
    // udev, and then the slowest disk.
    collector("disk-health", 150, health::collect),
    collector("extra-hardware", 150, extra::collect),
    // Beside the time that the settings have for it.
    collector(lldp::NAME, 60, lldp::collect),
    // Each manager has a time of its own.
    collector(OF_MANAGERS, 900, of_managers),
    Collector {
        // Each of its programs has a time of its own.
        turn: Turn::Last,
        ..collector("logs", 300, logs::collect)
    },
];

/// Something that is found out about the machine.
pub(super) struct Collector {
    pub(super) name: &'static str,
    pub(super) turn: Turn,
    /// How long the inspection waits for it.
    pub(super) time: Duration,
    /// The result has only the keys that this collector adds.
    pub(super) run: fn(&Subject) -> Result<InspectionData, CollectError>,
}

/// When a collector runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Together,
    /// After all others, as the logs are to tell of them.
    Last,
}

/// Why a collector found nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error("packing the logs")]
    Logs(#[source] io::Error),
    #[error("reading {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("listing the disks")]
    Disks(#[source] DiskError),
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// An error of the operating system while a file was read.
pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> CollectError + use<> {
    let path = path.to_owned();
    move |source| CollectError::Read { path, source }
}

/// The result of a collector that adds one key.
pub(super) fn keyed(key: &str, value: &impl Serialize) -> InspectionData {
    InspectionData {
        rest: [(key.to_owned(), serde_json::json!(value))]
            .into_iter()
            .collect(),
        ..InspectionData::default()
    }
}

/// A collector that runs on a thread of its own.
pub(super) struct RunningCollector(Running<Result<InspectionData, CollectError>>);

const fn collector(
    name: &'static str,
    seconds: u64,
    run: fn(&Subject) -> Result<InspectionData, CollectError>,
) -> Collector {
    Collector {
        name,
        turn: Turn::Together,
        time: Duration::from_secs(seconds),
        run,
    }
}

impl Collector {
    pub(super) fn start(&self, subject: &Arc<Subject>) -> Result<RunningCollector, CollectError> {
        let (run, subject, time) = (self.run, Arc::clone(subject), self.time_for(subject));
        let running = Running::start(self.name, time, move || run(&subject))?;
        Ok(RunningCollector(running))
    }

    /// Who listens to switches may do so for as long as the settings say, and have the usual time besides.
    pub(super) fn time_for(&self, subject: &Subject) -> Duration {
        if subject.listening.is_awaited_by(self.name) {
            self.time.saturating_add(subject.listening.limit())
        } else {
            self.time
        }
    }
}

impl RunningCollector {
    pub(super) fn outcome(self) -> Result<InspectionData, CollectError> {
        self.0.outcome()?
    }
}

fn of_managers(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(subject.managers.collect_inspection())
}

fn pci_devices(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(InspectionData {
        pci_devices: Some(inventory::pci_devices(subject.host.tree())),
        ..InspectionData::default()
    })
}
