//! `disk-health`: what disks say of their own health: SMART of SATA, the log pages of SAS and NVMe. Ironic's agent has
//! no such collector.
//!
//! Only disks are asked that the host guard shows, and only by commands that read. Each has a thread of its own: one
//! that does not answer holds up no other.

mod ata;
mod attributes;
mod device;
mod nvme;
mod scsi;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::time::Duration;

use ferric_agent_protocol::inspection::InspectionData;
use ferric_agent_protocol::inventory::Disk;
use serde::Serialize;

use super::Subject;
use super::collector::{CollectError, keyed};
use super::deadline::{Running, Unfinished};
use crate::commands::sentence;
use crate::disk;
use crate::disk::passthrough::ScsiEnd;
use crate::host::Host;

/// For all questions to one disk.
const DISK_TIME: Duration = Duration::from_secs(60);

/// What is known of a disk; `problem` says why the rest is null.
#[derive(Debug, PartialEq, Serialize)]
struct DiskHealth {
    name: String,
    protocol: Option<Protocol>,
    #[serde(flatten)]
    health: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The language that a disk is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Ata,
    Nvme,
    Scsi,
}

/// What all protocols have, and under the name of one what only it has.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Health {
    /// Whether the disk expects to go on.
    passed: Option<bool>,
    temperature_c: Option<i32>,
    power_on_hours: Option<u64>,
    power_cycles: Option<u64>,
    /// How much of the life of its memory cells is used up: it can be more than 100.
    percentage_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ata: Option<ata::Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nvme: Option<nvme::Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scsi: Option<scsi::Details>,
}

/// Why a disk did not tell.
#[derive(Debug, thiserror::Error)]
enum HealthError {
    #[error("opening the disk")]
    Open(#[source] io::Error),
    #[error("asking the disk for {what}")]
    Ask {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the disk refused to tell {what}: status {status}, sense key {sense_key}")]
    Refused {
        what: &'static str,
        status: u8,
        sense_key: u8,
    },
    #[error("the disk has no SMART")]
    NoSmart,
    #[error("SMART is turned off")]
    SmartOff,
    #[error("the checksum of {what} is wrong")]
    Checksum { what: &'static str },
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    #[error("there is no question for disks of this kind")]
    OtherKind,
    #[error("disks on USB are not asked, because some adapters do not survive it")]
    Usb,
    #[error("the host guard does not show this disk")]
    NotVisible,
}

/// A disk that can be asked.
trait Drive {
    /// Sends a SCSI command that has no data, or whose data go into `data`.
    fn scsi(&mut self, command: &[u8], data: &mut [u8]) -> io::Result<ScsiEnd>;

    /// Fills `data` with a log page of an NVMe controller.
    fn nvme_log(&mut self, page: u8, data: &mut [u8]) -> io::Result<()>;
}

/// Fails where the answer to a question is that there is none.
fn answered(end: &ScsiEnd, what: &'static str) -> Result<(), HealthError> {
    if end.status == 0 {
        return Ok(());
    }
    Err(HealthError::Refused {
        what,
        status: end.status,
        sense_key: end.sense_key(),
    })
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    let disks = disk::list_block_devices(&subject.host).map_err(CollectError::Disks)?;
    Ok(keyed("disk_health", &examine(&subject.host, disks)))
}

fn examine(host: &Host, disks: Vec<Disk>) -> Vec<DiskHealth> {
    let running: Vec<_> = disks
        .into_iter()
        .map(|disk| (begin(host, &disk), disk))
        .collect();
    running
        .into_iter()
        .map(|(running, disk)| {
            let outcome = running.and_then(|running| running.outcome()?);
            told(disk, outcome)
        })
        .collect()
}

fn begin(host: &Host, disk: &Disk) -> Result<Running<Result<Health, HealthError>>, HealthError> {
    let protocol = protocol(disk)?;
    let path = host.tree().node(Path::new(&disk.name));
    if !host.visible(&path) {
        return Err(HealthError::NotVisible);
    }
    let ask = move || {
        let mut device = device::Device::open(&path).map_err(HealthError::Open)?;
        health(protocol, &mut device)
    };
    Ok(Running::start("disk-health", DISK_TIME, ask)?)
}

fn protocol(disk: &Disk) -> Result<Protocol, HealthError> {
    match () {
        () if disk.tran.as_deref() == Some("usb") => Err(HealthError::Usb),
        () if disk.name.starts_with("/dev/nvme") => Ok(Protocol::Nvme),
        // The kernel's word for an ATA disk that it, or a SAS adapter, shows as a SCSI one.
        () if disk.vendor.as_deref() == Some("ATA") => Ok(Protocol::Ata),
        () if disk.hctl.is_some() => Ok(Protocol::Scsi),
        () => Err(HealthError::OtherKind),
    }
}

fn health(protocol: Protocol, drive: &mut dyn Drive) -> Result<Health, HealthError> {
    match protocol {
        Protocol::Ata => ata::health(drive),
        Protocol::Nvme => nvme::health(drive),
        Protocol::Scsi => scsi::health(drive),
    }
}

fn told(disk: Disk, outcome: Result<Health, HealthError>) -> DiskHealth {
    let protocol = protocol(&disk).ok();
    let problem = outcome.as_ref().err().map(|error| sentence(error));
    DiskHealth {
        name: disk.name,
        protocol,
        health: outcome.unwrap_or_default(),
        problem,
    }
}

fn asking(what: &'static str) -> impl FnOnce(io::Error) -> HealthError {
    move |source| HealthError::Ask { what, source }
}

/// A number of at most eight bytes, the lowest byte first.
fn little_endian(bytes: &[u8]) -> u64 {
    let lowest_eight = bytes.iter().take(8).rev();
    lowest_eight.fold(0, |number, byte| number << 8 | u64::from(*byte))
}
