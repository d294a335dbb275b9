//! What is told of a disk that was erased, or left as it is.

use ferric_agent_protocol::erase::{EraseOutcome, EraseRecord};
use ferric_agent_protocol::inventory::Disk;
use jiff::Timestamp;

/// Of a disk whose erasure has ended now.
pub(super) fn record(disk: &Disk, started_at: Timestamp, outcome: EraseOutcome) -> EraseRecord {
    EraseRecord {
        device: disk.name.clone(),
        serial: disk.serial.clone(),
        model: disk.model.clone(),
        wwn: disk.wwn.clone(),
        size_bytes: disk.size,
        started_at,
        finished_at: Timestamp::now(),
        outcome,
    }
}

/// Of a disk that is not touched, for this reason.
pub(super) fn skipped(disk: &Disk, reason: String) -> EraseRecord {
    tracing::warn!(device = disk.name, reason, "a disk is not erased");
    record(disk, Timestamp::now(), EraseOutcome::Skipped { reason })
}

/// Why a disk is left whose data are a volume's.
pub(super) fn is_of_volume(volume: &str) -> String {
    format!("it is a member of the RAID volume {volume}, which is erased itself")
}

/// Why media with the ramdisk's parameters are left.
pub(super) const IS_VIRTUAL_MEDIA: &str = "it is virtual media with the ramdisk's parameters";
pub(super) const IS_READ_ONLY: &str = "it is read-only";
