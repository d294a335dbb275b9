//! A GUID partition table: read from the disk's start, written to both ends.

use flate2::Crc;
use uuid::Uuid;

use super::mbr::Mbr;
use super::{Change, Partition, TableError, place_at_end, u32_at, u64_at};

const SIGNATURE: &[u8] = b"EFI PART";
const MIN_HEADER_BYTES: usize = 92;
/// Real tables have 128; the bound is what keeps a hostile one harmless.
const MAX_ENTRIES: u32 = 4096;
/// What every tool makes: 128 entries of 128 bytes.
const USUAL_ENTRIES: u32 = 128;
const USUAL_ENTRY_BYTES: u32 = 128;
const REVISION: u32 = 0x0001_0000;

#[derive(Clone, Debug)]
pub(crate) struct Gpt {
    sector_bytes: u32,
    mbr: Option<Mbr>,
    /// The header's sector as it was found; fields are changed in place, so that unknown ones survive.
    header: Vec<u8>,
    header_bytes: usize,
    entries: Vec<u8>,
    entry_bytes: usize,
}

/// A part of a disk, and where it begins in bytes.
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset: u64,
}

/// A partition that is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) kind: Uuid,
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
}

impl Gpt {
    /// A table without partitions that spans a disk of this size.
    pub(crate) fn create(
        disk_sectors: u64,
        sector_bytes: u32,
        id: Uuid,
    ) -> Result<Self, TableError> {
        let entry_bytes = index(u64::from(USUAL_ENTRY_BYTES));
        let entries = vec![0; entry_bytes * index(u64::from(USUAL_ENTRIES))];
        let entry_sectors = (entries.len() as u64).div_ceil(u64::from(sector_bytes));
        let mut header = vec![0; index(u64::from(sector_bytes))];
        header[..8].copy_from_slice(SIGNATURE);
        let header_bytes = u32::try_from(MIN_HEADER_BYTES).unwrap_or(u32::MAX);
        for (at, value) in [
            (8, REVISION),
            (12, header_bytes),
            (80, USUAL_ENTRIES),
            (84, USUAL_ENTRY_BYTES),
        ] {
            header[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        header[56..72].copy_from_slice(&id.to_bytes_le());
        let mut gpt = Self {
            sector_bytes,
            mbr: Some(Mbr::protective(disk_sectors)),
            header,
            header_bytes: MIN_HEADER_BYTES,
            entries,
            entry_bytes,
        };
        gpt.put(40, 2 + entry_sectors);
        gpt.put(72, 2);
        gpt.span(disk_sectors)?;
        Ok(gpt)
    }

    /// `None` when there is no GPT for this sector size, an error when there is a broken one.
    pub(crate) fn parse(prefix: &[u8], sector_bytes: u32) -> Result<Option<Self>, TableError> {
        let sector = index(u64::from(sector_bytes));
        let Some(header) = prefix.get(sector..sector * 2) else {
            return Ok(None);
        };
        let piece = Piece {
            bytes: prefix,
            offset: 0,
        };
        let gpt = Self::of(header, &piece, sector_bytes)?;
        Ok(gpt.map(|gpt| Self {
            mbr: Mbr::parse(prefix),
            ..gpt
        }))
    }

    /// The table of a header, whose entries lie in this piece of the disk. `None` when that is no header.
    pub(super) fn of(
        header: &[u8],
        piece: &Piece<'_>,
        sector_bytes: u32,
    ) -> Result<Option<Self>, TableError> {
        if !header.starts_with(SIGNATURE) {
            return Ok(None);
        }
        let header_bytes = index(u64::from(u32_at(header, 12)));
        if !(MIN_HEADER_BYTES..=header.len()).contains(&header_bytes) {
            return Err(TableError::Damaged("the header has an impossible length"));
        }
        if checksum_without(&header[..header_bytes], 16) != u32_at(header, 16) {
            return Err(TableError::Damaged("the header's checksum is wrong"));
        }
        let entries = entries_of(piece, header, sector_bytes)?;
        let gpt = Self {
            sector_bytes,
            mbr: None,
            header: header.to_vec(),
            header_bytes,
            entries: entries.to_vec(),
            entry_bytes: index(u64::from(u32_at(header, 84))),
        };
        let is_turned = |partition: &Partition| partition.first > partition.last;
        if gpt.partitions().iter().any(is_turned) {
            return Err(TableError::Damaged("a partition ends before it begins"));
        }
        Ok(Some(gpt))
    }

    pub(crate) fn partitions(&self) -> Vec<Partition> {
        (1..)
            .zip(self.entries.chunks_exact(self.entry_bytes))
            .filter(|(_, entry)| entry[..16] != [0; 16])
            .map(|(number, entry)| Partition {
                number,
                first: u64_at(entry, 32),
                last: u64_at(entry, 40),
            })
            .collect()
    }

    /// The type of a partition.
    pub(crate) fn kind(&self, number: u32) -> Option<Uuid> {
        let entry = self
            .entries
            .chunks_exact(self.entry_bytes)
            .nth(index(u64::from(number.checked_sub(1)?)))?;
        entry.first_chunk().map(|guid| Uuid::from_bytes_le(*guid))
    }

    /// The partition's own id.
    pub(crate) fn id(&self, number: u32) -> Option<Uuid> {
        let entry = self
            .entries
            .chunks_exact(self.entry_bytes)
            .nth(index(u64::from(number.checked_sub(1)?)))?;
        entry
            .get(16..)?
            .first_chunk()
            .map(|guid| Uuid::from_bytes_le(*guid))
    }

    /// Makes the table span a disk of this size: the second copy goes to the end, the space between is usable.
    pub(crate) fn span(&mut self, disk_sectors: u64) -> Result<(), TableError> {
        let entry_sectors = (self.entries.len() as u64).div_ceil(u64::from(self.sector_bytes));
        let last_usable = disk_sectors
            .checked_sub(2 + entry_sectors)
            .ok_or(TableError::BeyondEnd { number: 0 })?;
        if let Some(outside) = self
            .partitions()
            .into_iter()
            .find(|partition| partition.last > last_usable)
        {
            return Err(TableError::BeyondEnd {
                number: outside.number,
            });
        }
        self.put(32, disk_sectors - 1);
        self.put(48, last_usable);
        if let Some(mbr) = &mut self.mbr {
            mbr.protect(disk_sectors);
        }
        Ok(())
    }

    /// Adds a partition at the end of the usable space.
    pub(crate) fn add_at_end(
        &mut self,
        mib: u64,
        kind: Uuid,
        id: Uuid,
        name: &str,
    ) -> Result<Partition, TableError> {
        let (lowest, end) = (u64_at(&self.header, 40), u64_at(&self.header, 48) + 1);
        let (first, last) = place_at_end(&self.partitions(), lowest, end, self.sector_bytes, mib)?;
        self.add(Entry {
            first,
            last,
            kind,
            id,
            name,
        })
    }

    /// Adds a partition at the first free place that begins on a whole MiB.
    pub(crate) fn add_at_start(
        &mut self,
        mib: u64,
        kind: Uuid,
        id: Uuid,
        name: &str,
    ) -> Result<Partition, TableError> {
        let (lowest, highest) = (u64_at(&self.header, 40), u64_at(&self.header, 48));
        let per_mib = (1 << 20) / u64::from(self.sector_bytes);
        let taken = self.partitions();
        let behind = taken.iter().map(|other| other.last.saturating_add(1));
        let mut starts: Vec<u64> = [lowest]
            .into_iter()
            .chain(behind)
            .map(|start| start.max(1).div_ceil(per_mib).saturating_mul(per_mib))
            .collect();
        starts.sort_unstable();
        let end = |first: u64| first.saturating_add(mib * per_mib).saturating_sub(1);
        let is_free = |first: &u64| {
            let last = end(*first);
            let overlaps = |other: &Partition| other.first <= last && *first <= other.last;
            last <= highest && !taken.iter().any(overlaps)
        };
        let first = starts.into_iter().find(is_free);
        let first = first.ok_or(TableError::NoRoomAnywhere(mib))?;
        self.add(Entry {
            first,
            last: end(first),
            kind,
            id,
            name,
        })
    }

    /// Adds a partition where the caller wants it, in the first free entry.
    pub(crate) fn add(&mut self, wanted: Entry<'_>) -> Result<Partition, TableError> {
        let Entry { first, last, .. } = wanted;
        let mut entries = (1u32..).zip(self.entries.chunks_exact_mut(self.entry_bytes));
        let (number, entry) = entries
            .find(|(_, entry)| entry[..16] == [0; 16])
            .ok_or(TableError::NoFreeEntry)?;
        entry.fill(0);
        entry[..16].copy_from_slice(&wanted.kind.to_bytes_le());
        entry[16..32].copy_from_slice(&wanted.id.to_bytes_le());
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
        for (place, unit) in entry[56..128]
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(wanted.name.encode_utf16())
        {
            *place = unit.to_le_bytes();
        }
        Ok(Partition {
            number,
            first,
            last,
        })
    }

    /// The partition with this name.
    pub(crate) fn named(&self, name: &str) -> Option<Partition> {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let has_name = |partition: &Partition| {
            let at = index(u64::from(partition.number) - 1);
            let entry = self.entries.chunks_exact(self.entry_bytes).nth(at);
            entry.is_some_and(|entry| {
                let (text, rest) = entry[56..128].split_at(units.len().min(72));
                text == units && rest.iter().all(|byte| *byte == 0)
            })
        };
        self.partitions().into_iter().find(has_name)
    }

    /// What has to be written, in this order: the second copy first, so that there is a whole one at every moment.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let sector = u64::from(self.sector_bytes);
        let (backup, last_usable) = (u64_at(&self.header, 32), u64_at(&self.header, 48));
        let entries_at = u64_at(&self.header, 72);
        let mut changes = vec![
            Change {
                offset: (last_usable + 1) * sector,
                bytes: self.entries.clone(),
            },
            Change {
                offset: backup * sector,
                bytes: self.header_at(backup, 1, last_usable + 1),
            },
            Change {
                offset: entries_at * sector,
                bytes: self.entries.clone(),
            },
            Change {
                offset: sector,
                bytes: self.header_at(1, backup, entries_at),
            },
        ];
        if let Some(mbr) = &self.mbr {
            changes.push(Change {
                offset: 0,
                bytes: mbr.bytes().to_vec(),
            });
        }
        changes
    }

    fn header_at(&self, own: u64, other: u64, entries_at: u64) -> Vec<u8> {
        let mut header = self.header.clone();
        for (at, value) in [(24, own), (32, other), (72, entries_at)] {
            header[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        header[88..92].copy_from_slice(&crc32(&self.entries).to_le_bytes());
        let sum = checksum_without(&header[..self.header_bytes], 16);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        header
    }

    fn put(&mut self, at: usize, value: u64) {
        self.header[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// The array of entries that a header names, when it is sound and lies within the piece.
fn entries_of<'a>(
    piece: &Piece<'a>,
    header: &[u8],
    sector_bytes: u32,
) -> Result<&'a [u8], TableError> {
    let (count, size) = (u32_at(header, 80), u32_at(header, 84));
    if !(1..=MAX_ENTRIES).contains(&count) || !(128..=4096).contains(&size) || size % 128 != 0 {
        return Err(TableError::Damaged(
            "the header has an impossible count of partitions",
        ));
    }
    let sector = u64::from(sector_bytes);
    let start = u64_at(header, 72).checked_mul(sector);
    let length = index(u64::from(count) * u64::from(size));
    let entries = start
        .filter(|start| *start >= 2 * sector)
        .and_then(|start| start.checked_sub(piece.offset))
        .and_then(|start| piece.bytes.get(index(start)..)?.get(..length))
        .ok_or(TableError::Damaged(
            "its entries do not lie in the first MiB",
        ))?;
    if crc32(entries) != u32_at(header, 88) {
        return Err(TableError::Damaged("the checksum of its entries is wrong"));
    }
    Ok(entries)
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The checksum of a header is taken with its own field as zero.
pub(super) fn checksum_without(header: &[u8], at: usize) -> u32 {
    let mut crc = Crc::new();
    crc.update(&header[..at]);
    crc.update(&[0; 4]);
    crc.update(&header[at + 4..]);
    crc.sum()
}

pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
