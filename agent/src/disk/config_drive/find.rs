//! Tells by its content whether a partition is a config drive: by the label of its file system, as cloud-init does.

use super::LABEL;
use crate::disk::DiskError;
use crate::disk::open::{Shape, at_byte};
use crate::disk::storage::Storage;
use crate::disk::table::Partition;

/// Where ISO 9660 has its volume descriptor, and where the label is in it.
const ISO_DESCRIPTOR: usize = 0x8000;
const ISO_MARK: &[u8] = b"\x01CD001";
const ISO_LABEL: std::ops::Range<usize> = ISO_DESCRIPTOR + 40..ISO_DESCRIPTOR + 72;
/// The label in the boot sector of FAT12 and FAT16, and of FAT32.
const FAT_LABELS: [(usize, &[u8]); 3] = [(43, b"FAT12   "), (43, b"FAT16   "), (71, b"FAT32   ")];
const FAT_LABEL_BYTES: usize = 11;
pub(crate) const PROBE_BYTES: usize = ISO_DESCRIPTOR + 2048;

pub(super) fn is_config_drive(
    storage: &mut impl Storage,
    disk: &Shape,
    partition: Partition,
) -> Result<bool, DiskError> {
    let (start, length) = disk.extent(partition);
    if length < PROBE_BYTES as u64 || start.saturating_add(length) > disk.size {
        return Ok(false);
    }
    let mut bytes = vec![0; PROBE_BYTES];
    storage
        .read_exact_at(&mut bytes, start)
        .map_err(at_byte("reading", &disk.path, start))?;
    Ok(label(&bytes).is_some_and(|label| label.eq_ignore_ascii_case(LABEL)))
}

/// The label of an ISO 9660 or FAT file system that starts with these bytes.
pub(crate) fn label(bytes: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .trim_end_matches([' ', '\0'])
            .to_owned()
    };
    if is_iso(bytes) {
        return bytes.get(ISO_LABEL).map(text);
    }
    let fat = FAT_LABELS.iter().find(|(at, kind)| {
        let kind_at = at + FAT_LABEL_BYTES;
        bytes.get(kind_at..kind_at + kind.len()) == Some(kind)
    });
    fat.and_then(|(at, _)| bytes.get(*at..at + FAT_LABEL_BYTES))
        .map(text)
}

pub(crate) fn is_iso(bytes: &[u8]) -> bool {
    bytes
        .get(ISO_DESCRIPTOR..)
        .is_some_and(|rest| rest.starts_with(ISO_MARK))
}
