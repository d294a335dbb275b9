//! What Ironic wants to know of a disk that has been written: `standby.get_partition_uuids`.

use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::Serialize;

use super::DiskError;
use super::error::doing;
use super::table::Mbr;

/// The answer for a whole-disk image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionUuids {
    /// The disk's id in its MBR; `0x00000000` on most disks with a GPT.
    #[serde(rename = "root uuid")]
    pub root_uuid: String,
}

/// Reads what identifies the system on a disk.
///
/// # Errors
/// When the disk cannot be read.
pub fn partition_uuids(device: &Path) -> Result<PartitionUuids, DiskError> {
    let file = std::fs::File::open(device).map_err(doing("opening", device))?;
    let mut sector = [0; 512];
    file.read_exact_at(&mut sector, 0)
        .map_err(doing("reading", device))?;
    Ok(PartitionUuids {
        root_uuid: disk_id(&sector),
    })
}

/// The id in the first sector, as Ironic writes it.
pub(crate) fn disk_id(sector: &[u8]) -> String {
    format!(
        "{:#010x}",
        Mbr::parse(sector).map_or(0, |mbr| mbr.disk_id())
    )
}
