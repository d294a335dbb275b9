//! Recognises file systems that several machines use at once: clearing one would destroy what is not this machine's.
//!
//! Types are compared as bytes and contents are looked at, because the tools that print them differ in case and
//! leave some out.

use std::fmt;
use std::os::unix::fs::FileExt;

use uuid::Uuid;

use super::tables::{Entry, Kind};
use super::{Area, EraseError};
use crate::disk::DiskError;
use crate::disk::open::{OpenDisk, at_byte};

const GPFS: Uuid = Uuid::from_u128(0x37af_fc90_ef7d_4e96_91c3_2d7a_e055_b174);
const VMFS: Uuid = Uuid::from_u128(0xaa31_e02a_400f_11db_9590_000c_2911_d1b8);
const MBR_VMFS: u8 = 0xfb;
/// GFS2 has this at the start of its superblock, 64 KiB into the file system.
const GFS2_MAGIC: [u8; 8] = [0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1];
const GFS2_OFFSET: u64 = 64 << 10;
/// VMFS has this 1 MiB into the volume.
const VMFS_MAGIC: [u8; 4] = 0xc001_d00d_u32.to_le_bytes();
const VMFS_OFFSET: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedFileSystem {
    Gpfs,
    Vmfs,
    Gfs2,
}

impl fmt::Display for SharedFileSystem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gpfs => "a GPFS file system",
            Self::Vmfs => "a VMFS file system",
            Self::Gfs2 => "a GFS2 file system",
        })
    }
}

/// Fails when the disk or a partition of it carries one; `entries` are those of its tables.
pub(super) fn check(
    disk: &OpenDisk,
    entries: &[Entry],
    partitions: &[Area],
) -> Result<(), EraseError> {
    let shared = |kind| EraseError::Shared {
        path: disk.path.clone(),
        kind,
    };
    if let Some(kind) = entries.iter().find_map(|entry| by_type(entry.kind)) {
        return Err(shared(kind));
    }
    let whole = Area {
        start: 0,
        length: disk.size,
    };
    for area in partitions.iter().chain([&whole]) {
        if let Some(kind) = by_content(disk, *area)? {
            return Err(shared(kind));
        }
    }
    Ok(())
}

fn by_type(kind: Kind) -> Option<SharedFileSystem> {
    match kind {
        Kind::Gpt(GPFS) => Some(SharedFileSystem::Gpfs),
        Kind::Gpt(VMFS) | Kind::Mbr(MBR_VMFS) => Some(SharedFileSystem::Vmfs),
        Kind::Gpt(_) | Kind::Mbr(_) => None,
    }
}

fn by_content(disk: &OpenDisk, area: Area) -> Result<Option<SharedFileSystem>, DiskError> {
    let has = |magic: &[u8], offset: u64| -> Result<bool, DiskError> {
        if area.length < offset + magic.len() as u64 {
            return Ok(false);
        }
        let mut found = vec![0; magic.len()];
        let offset = area.start + offset;
        disk.file()
            .read_exact_at(&mut found, offset)
            .map_err(at_byte("reading", &disk.path, offset))?;
        Ok(found == magic)
    };
    if has(&GFS2_MAGIC, GFS2_OFFSET)? {
        return Ok(Some(SharedFileSystem::Gfs2));
    }
    Ok(has(&VMFS_MAGIC, VMFS_OFFSET)?.then_some(SharedFileSystem::Vmfs))
}
