//! What Ironic wants to know of a disk that has been written: `standby.get_partition_uuids`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ferric_agent_protocol::params::PartitionUuids;

use super::DiskError;
use super::error::doing;

/// Reads what identifies the system on a whole-disk image: the disk's id in its MBR, `0x00000000` on most disks
/// with a GPT.
///
/// # Errors
/// When the disk cannot be read.
pub fn partition_uuids(device: &Path) -> Result<PartitionUuids, DiskError> {
    let file = File::open(device).map_err(doing("opening", device))?;
    let mut sector = [0; 512];
    file.read_exact_at(&mut sector, 0)
        .map_err(doing("reading", device))?;
    Ok(PartitionUuids {
        root_uuid: Some(disk_id(&sector)),
        ..PartitionUuids::default()
    })
}

/// The id in the first sector, as Ironic writes it.
pub(crate) fn disk_id(sector: &[u8]) -> String {
    let id = sector.get(440..).and_then(|rest| rest.first_chunk());
    format!("{:#010x}", id.map_or(0, |id| u32::from_le_bytes(*id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_mbr_has_eight_digits_and_is_zero_where_there_is_none() {
        let mut sector = [0; 512];
        sector[440..444].copy_from_slice(&0x00ab_cdef_u32.to_le_bytes());
        assert_eq!(disk_id(&sector), "0x00abcdef");
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(&[0; 512], 0).unwrap();
        let uuids = partition_uuids(file.path()).unwrap();
        assert_eq!(uuids.root_uuid.as_deref(), Some("0x00000000"));
    }
}
