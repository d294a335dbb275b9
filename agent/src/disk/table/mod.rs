//! Partition tables, read from the first MiB of a disk or of an image that is about to be written.
//!
//! Own code and no crate, because the bytes come from an image: `gptman` allocates by a count found in the table
//! and panics on some entries. Only what Ferric needs is here: which partitions there are, new tables and
//! one more partition, and the second copy of a GPT at the end of the disk, which is read where the first is damaged.

pub(crate) mod backup;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gpt;
mod mbr;

use thiserror::Error;

pub(crate) use gpt::{Entry, Gpt};
pub(crate) use mbr::{MAX_SECTORS, Mark, Mbr, PROTECTIVE};

/// How much of the disk's start has to be given: it holds every usual table.
pub(crate) const PREFIX_BYTES: usize = 1 << 20;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum TableError {
    #[error("the GPT is damaged: {0}")]
    Damaged(&'static str),
    #[error(
        "the GPT was made for sectors of {image} bytes, the disk has sectors of {disk} bytes; use an image made for such disks"
    )]
    SectorSize { image: u32, disk: u32 },
    #[error("partition {number} lies beyond the end of the disk")]
    BeyondEnd { number: u32 },
    #[error("there is no partition table with a partition on it")]
    NoPartitions,
    #[error("there is no room for a partition of {0} MiB at the end of the disk")]
    NoRoom(u64),
    #[error("there is no room for a partition of {0} MiB between the others")]
    NoRoomAnywhere(u64),
    #[error(
        "a partition lies beyond what an MBR can address; set the capability disk_label to gpt"
    )]
    TooFar,
    #[error("all entries of the partition table are in use")]
    NoFreeEntry,
}

/// Where a partition lies, in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Something to put on the disk, at a byte position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum Table {
    Gpt(Gpt),
    Mbr(Mbr),
}

impl Table {
    /// `prefix` is the first MiB; shorter ones are accepted.
    pub(crate) fn parse(prefix: &[u8], sector_bytes: u32) -> Result<Self, TableError> {
        if let Some(gpt) = Gpt::parse(prefix, sector_bytes)? {
            return Ok(Self::Gpt(gpt));
        }
        let other = if sector_bytes == 512 { 4096 } else { 512 };
        if matches!(Gpt::parse(prefix, other), Ok(Some(_))) {
            return Err(TableError::SectorSize {
                image: other,
                disk: sector_bytes,
            });
        }
        Mbr::parse(prefix)
            .map(Self::Mbr)
            .ok_or(TableError::NoPartitions)
    }

    /// The partitions, an error when there is none: such a disk cannot boot.
    pub(crate) fn partitions(&self) -> Result<Vec<Partition>, TableError> {
        let all = match self {
            Self::Gpt(gpt) => gpt.partitions(),
            Self::Mbr(mbr) => mbr.partitions(),
        };
        if all.is_empty() {
            Err(TableError::NoPartitions)
        } else {
            Ok(all)
        }
    }
}

impl Table {
    /// What has to be written for the table as it is now.
    pub(crate) fn changes(&self) -> Vec<Change> {
        match self {
            Self::Gpt(gpt) => gpt.changes(),
            Self::Mbr(mbr) => vec![Change {
                offset: 0,
                bytes: mbr.bytes().to_vec(),
            }],
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.map_or(0, |field| u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.map_or(0, |field| u64::from_le_bytes(*field))
}

/// The last place of `mib` MiB that ends at or before `end` (exclusive), starts on a whole MiB and is free.
fn place_at_end(
    taken: &[Partition],
    lowest: u64,
    end: u64,
    sector_bytes: u32,
    mib: u64,
) -> Result<(u64, u64), TableError> {
    let per_mib = (1 << 20) / u64::from(sector_bytes);
    let sectors = mib * per_mib;
    let first = end
        .checked_sub(sectors)
        .map_or(0, |first| first - first % per_mib);
    let last = first + sectors.saturating_sub(1);
    let overlaps = |other: &Partition| other.first <= last && first <= other.last;
    if first < lowest.max(per_mib) || taken.iter().any(overlaps) {
        return Err(TableError::NoRoom(mib));
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests;
