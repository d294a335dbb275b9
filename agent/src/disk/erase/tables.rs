//! What the partition tables of a disk say: to see what must not go, and what has to.
//!
//! A table for other sectors than the disk has counts, too, and so does the second copy of a GPT whose first one is
//! damaged or gone: whoever uses the disk from another machine may know it by that.

use uuid::Uuid;

use super::Area;
use crate::disk::DiskError;
use crate::disk::open::OpenDisk;
use crate::disk::partitions::{read_prefix, read_tail};
use crate::disk::table::{PROTECTIVE, Partition, Table, TableError, backup};

/// The type of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gpt(Uuid),
    Mbr(u8),
}

/// A partition as a table has it; it may end beyond the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) area: Area,
}

impl Entry {
    fn new(kind: Kind, partition: Partition, sector_bytes: u32) -> Self {
        let bytes = |sectors: u64| sectors.saturating_mul(u64::from(sector_bytes));
        let Partition { first, last, .. } = partition;
        let sectors = last.saturating_add(1).saturating_sub(first);
        Self {
            kind,
            area: Area {
                start: bytes(first),
                length: bytes(sectors),
            },
        }
    }
}

/// The partitions that the tables of a disk name.
pub(super) fn entries(disk: &OpenDisk) -> Result<Vec<Entry>, DiskError> {
    let prefix = read_prefix(disk)?;
    let own = disk.sector_bytes;
    let (table, sector_bytes) = match Table::parse(&prefix, own) {
        // The disk was in another adapter, which showed it with other sectors.
        Err(TableError::SectorSize { image, .. }) => (Table::parse(&prefix, image), image),
        table => (table, own),
    };
    match table {
        Ok(Table::Gpt(gpt)) => {
            let partitions = gpt.partitions().into_iter();
            let entries = partitions.filter_map(|one| {
                let kind = Kind::Gpt(gpt.kind(one.number)?);
                Some(Entry::new(kind, one, sector_bytes))
            });
            Ok(entries.collect())
        }
        Ok(Table::Mbr(mbr)) => {
            let (protective, others): (Vec<_>, Vec<_>) =
                mbr.kinds().partition(|(kind, _)| *kind == PROTECTIVE);
            let others = others.into_iter();
            let entries = others.map(|(kind, one)| Entry::new(Kind::Mbr(kind), one, sector_bytes));
            let mut entries: Vec<Entry> = entries.collect();
            // A disk with an MBR of its own has no GPT, whatever an older one has left at its end.
            if !protective.is_empty() {
                entries.extend(second_copy(disk));
            }
            Ok(entries)
        }
        Err(_) => Ok(second_copy(disk)),
    }
}

/// An end that cannot be read has nothing to tell: bad sectors there are no reason to keep all that can be erased.
fn second_copy(disk: &OpenDisk) -> Vec<Entry> {
    let (offset, tail) = match read_tail(disk) {
        Ok(read) => read,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the end of a disk, where a second copy of a GPT may be, is not looked at"
            );
            return Vec::new();
        }
    };
    let of = |sector_bytes: u32| {
        let found = backup::partitions(&tail, offset, sector_bytes).into_iter();
        found.map(move |(kind, one)| Entry::new(Kind::Gpt(kind), one, sector_bytes))
    };
    let entries: Vec<Entry> = [512, 4096].into_iter().flat_map(of).collect();
    if !entries.is_empty() {
        let (device, count) = (disk.path.display(), entries.len());
        tracing::warn!(%device, count, "the first copy of a GPT is damaged; its second one is used");
    }
    entries
}
