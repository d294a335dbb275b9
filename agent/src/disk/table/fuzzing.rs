//! Partition tables of images, as foreign bytes: what is changed in one stays on the disk and touches no partition.

use uuid::Uuid;

use super::gpt::{checksum_without, crc32, index};
use super::{Gpt, Mbr, PREFIX_BYTES, Partition, Table, backup, u32_at, u64_at};

/// The disk that the table goes to.
const DISK_BYTES: u64 = 256 << 20;
const SECTOR_BYTES: [u32; 2] = [512, 4096];
const ID: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);
const NAME: &str = "config-2";

/// Reads a GPT as it is, and once more with its checksums made right: whoever means harm makes them right too.
pub(crate) fn gpt(bytes: &[u8]) {
    let prefix = &bytes[..bytes.len().min(PREFIX_BYTES)];
    for sector_bytes in SECTOR_BYTES {
        check_gpt(prefix, sector_bytes);
        let right = with_right_checksums(prefix, sector_bytes);
        check_gpt(&right, sector_bytes);
        check_backup(&right, sector_bytes);
    }
}

/// The same bytes as the end of a disk, behind which the header stands once more.
fn check_backup(bytes: &[u8], sector_bytes: u32) {
    let sector = index(sector_bytes.into());
    let whole = bytes.len() / sector * sector;
    let mut tail = bytes[..whole].to_vec();
    if let Some(header) = bytes.get(sector..sector * 2) {
        tail.extend_from_slice(header);
    }
    for offset in [0, DISK_BYTES, u64::MAX] {
        let found = backup::partitions(&tail, offset, sector_bytes);
        assert!(found.iter().all(|(_, one)| one.first <= one.last));
    }
}

fn check_gpt(prefix: &[u8], sector_bytes: u32) {
    if let Ok(table) = Table::parse(prefix, sector_bytes)
        && let Ok(partitions) = table.partitions()
    {
        assert!(partitions.iter().all(|one| one.first <= one.last));
    }
    let Ok(Some(mut gpt)) = Gpt::parse(prefix, sector_bytes) else {
        return;
    };
    let before = gpt.partitions();
    for partition in &before {
        let number = partition.number;
        assert!(gpt.kind(number).is_some() && gpt.id(number).is_some());
    }
    let named = gpt.named(NAME);
    assert!(named.is_none_or(|named| before.contains(&named)));
    let sectors = DISK_BYTES / u64::from(sector_bytes);
    if gpt.span(sectors).is_err() {
        return;
    }
    let added = gpt
        .add_at_end(64, ID, ID, NAME)
        .or_else(|_| gpt.add_at_start(1, ID, ID, NAME));
    if let Ok(added) = added {
        check_added(&added, &before, sectors);
    }
    let mut written = prefix.to_vec();
    for change in gpt.changes() {
        let end = change.offset + change.bytes.len() as u64;
        assert!(end <= DISK_BYTES);
        if let Some(place) = written.get_mut(index(change.offset)..index(end)) {
            place.copy_from_slice(&change.bytes);
        }
    }
    let again = Gpt::parse(&written, sector_bytes);
    let again = again.expect("a table that was written is sound");
    let again = again.expect("a table that was written is there");
    assert_eq!(again.partitions(), gpt.partitions());
}

fn check_added(added: &Partition, before: &[Partition], sectors: u64) {
    assert!(added.first > 0 && added.first <= added.last && added.last < sectors);
    let overlaps = |other: &Partition| other.first <= added.last && added.first <= other.last;
    assert!(!before.iter().any(overlaps));
}

/// Unchanged where there is no header, or none of a possible length.
fn with_right_checksums(prefix: &[u8], sector_bytes: u32) -> Vec<u8> {
    let mut bytes = prefix.to_vec();
    let sector = index(sector_bytes.into());
    let Some(header) = bytes.get(sector..sector * 2) else {
        return bytes;
    };
    let length = index(u32_at(header, 12).into());
    if !(92..=sector).contains(&length) {
        return bytes;
    }
    let start = index(u64_at(header, 72).saturating_mul(sector_bytes.into()));
    let size = index(u64::from(u32_at(header, 80)) * u64::from(u32_at(header, 84)));
    let entries = bytes.get(start..).and_then(|rest| rest.get(..size));
    if let Some(sum) = entries.map(crc32) {
        bytes[sector + 88..sector + 92].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = checksum_without(&bytes[sector..sector + length], 16);
    bytes[sector + 16..sector + 20].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads an MBR, and adds a partition to it.
pub(crate) fn mbr(bytes: &[u8]) {
    let Some(mut mbr) = Mbr::parse(bytes) else {
        return;
    };
    let before = mbr.partitions();
    assert!(before.len() <= mbr.kinds().count() && mbr.kinds().count() <= 4);
    let is_sound = |one: &Partition| one.first <= one.last && (1..=4).contains(&one.number);
    assert!(before.iter().all(is_sound));
    let sectors = DISK_BYTES / 512;
    mbr.protect(sectors);
    assert_eq!(mbr.partitions(), before);
    if let Ok(added) = mbr.add_at_end(sectors, 512, 64) {
        check_added(&added, &before, sectors);
        assert!(mbr.partitions().contains(&added));
        assert_eq!(mbr.partitions().len(), before.len() + 1);
    }
    let again = Mbr::parse(mbr.bytes()).expect("a table that was written is there");
    assert_eq!(again.partitions(), mbr.partitions());
}
