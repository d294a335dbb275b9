//! The second copy of a GPT, at the end of a disk: what stands on a disk whose first copy is damaged. It is only read, so
//! that nothing is ever made of it.

use uuid::Uuid;

use super::Partition;
use super::gpt::{Gpt, Piece, index};

/// How much of the disk's end has to be given: it holds every usual second copy.
pub(crate) const TAIL_BYTES: usize = 1 << 20;

/// Types and places of the partitions that the second copy names; none where there is no sound one for sectors of this
/// size. `tail` is the end of a disk, from the byte `offset` on.
pub(crate) fn partitions(tail: &[u8], offset: u64, sector_bytes: u32) -> Vec<(Uuid, Partition)> {
    let Some(gpt) = read(tail, offset, sector_bytes) else {
        return Vec::new();
    };
    let partitions = gpt.partitions().into_iter();
    partitions
        .filter_map(|one| Some((gpt.kind(one.number)?, one)))
        .collect()
}

fn read(tail: &[u8], offset: u64, sector_bytes: u32) -> Option<Gpt> {
    let sector = u64::from(sector_bytes);
    // Its header is the last whole sector.
    let sectors = offset.checked_add(tail.len() as u64)? / sector;
    let start = sectors.checked_sub(1)?.checked_mul(sector)?;
    let header = tail.get(index(start.checked_sub(offset)?)..)?;
    let header = header.get(..index(sector))?;
    let piece = Piece {
        bytes: tail,
        offset,
    };
    Gpt::of(header, &piece, sector_bytes).ok().flatten()
}
