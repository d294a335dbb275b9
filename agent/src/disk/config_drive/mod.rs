//! The config drive: a small file system that tells the deployed system who it is, in a partition at the disk's end.
//!
//! `content` gets it, before the image is written, so that a bad one costs nothing; `place` puts it where it belongs
//! while the disk has no partition table yet. The table is written by whoever called, after all else: a disk that boots
//! has its config drive.

mod content;
pub(crate) mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod iso;
mod vfat;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

pub use content::{ConfigDrive, ContentError};
pub use iso::IsoError;
use vfat::VfatError;

use super::DiskError;
use super::open::{OpenDisk, Shape, at_byte};
use super::partitions::{of, partition_node};
use super::region::Region;
use super::settle::retry;
use super::storage::Storage;
use super::table::{Partition, Table};

/// The most that a config drive may have, and the size of its partition.
pub(crate) const MIB: u64 = 64;
const LABEL: &str = "config-2";
const LINUX_FILESYSTEM: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);
/// What is cleared behind the content and at the partition's end, where other file systems have their marks.
const EDGE_BYTES: u64 = 1 << 20;
const NODE_TIME: Duration = Duration::from_secs(15);

#[derive(Debug, Error)]
pub enum ConfigDriveError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("{path} has {count} partitions labelled config-2, at most one can be the config drive")]
    Several { path: PathBuf, count: usize },
    #[error(
        "the config drive has {content} bytes, the partition config-2 of {path} has only {partition}"
    )]
    TooLarge {
        path: PathBuf,
        content: u64,
        partition: u64,
    },
    #[error(
        "{path} does not give back the config drive that was written to it; the disk is failing"
    )]
    ReadBack { path: PathBuf },
    #[error("the kernel does not show partition {number} of {path}")]
    NoNode { path: PathBuf, number: u32 },
    #[error(transparent)]
    Iso(#[from] IsoError),
}

/// Puts the config drive into the partition `config-2` of the table, which is added at the end of the disk if it is
/// not there. The table is the one that the disk is going to have, and spans it; it is changed in memory alone.
///
/// # Errors
/// When there is no room, or the disk does not take it.
pub(crate) fn place(
    storage: &mut impl Storage,
    disk: &Shape,
    table: &mut Table,
    drive: &ConfigDrive,
) -> Result<Partition, ConfigDriveError> {
    let place = find_or_add(storage, disk, table)?;
    fill(storage, disk, place, drive)?;
    Ok(place)
}

/// Writes the config drive into a partition that was made for it.
///
/// # Errors
/// When it does not fit, or the disk does not take it.
pub(crate) fn fill(
    storage: &mut impl Storage,
    disk: &Shape,
    place: Partition,
    drive: &ConfigDrive,
) -> Result<(), ConfigDriveError> {
    if needs_vfat(disk, drive) {
        write_as_vfat(storage, disk, place, drive)
    } else {
        write_content(storage, disk, place, drive)
    }
}

/// Waits until the kernel shows the partition of a disk whose table has been written.
///
/// # Errors
/// When it does not.
pub(crate) fn wait_for_node(disk: &OpenDisk, number: u32) -> Result<(), ConfigDriveError> {
    if disk.is_block_device && !is_without_partitions(&disk.path) {
        node(&disk.path, number)?;
    }
    Ok(())
}

/// The kernel cannot mount ISO 9660, whose blocks have 2048 bytes, from a disk with larger sectors.
fn needs_vfat(disk: &Shape, drive: &ConfigDrive) -> bool {
    disk.sector_bytes > 2048 && drive.is_iso()
}

/// The existing partition, or one that is added to the table in memory.
fn find_or_add(
    storage: &mut impl Storage,
    disk: &Shape,
    table: &mut Table,
) -> Result<Partition, ConfigDriveError> {
    let refused = |source| of(&disk.path, source);
    let mut existing = Vec::new();
    for partition in table.partitions().map_err(refused)? {
        if find::is_config_drive(storage, disk, partition)? {
            existing.push(partition);
        }
    }
    match existing[..] {
        [one] => Ok(one),
        [] => {
            let added = match table {
                Table::Gpt(gpt) => gpt.add_at_end(MIB, LINUX_FILESYSTEM, Uuid::new_v4(), LABEL),
                Table::Mbr(mbr) => mbr.add_at_end(disk.sectors(), disk.sector_bytes, MIB),
            };
            Ok(added.map_err(refused)?)
        }
        _ => Err(ConfigDriveError::Several {
            path: disk.path.clone(),
            count: existing.len(),
        }),
    }
}

fn write_content(
    storage: &mut impl Storage,
    disk: &Shape,
    place: Partition,
    drive: &ConfigDrive,
) -> Result<(), ConfigDriveError> {
    let (start, length) = disk.extent(place);
    let (end, content_end) = (start + length, start + drive.bytes().len() as u64);
    if content_end > end {
        return Err(ConfigDriveError::TooLarge {
            path: disk.path.clone(),
            content: drive.bytes().len() as u64,
            partition: length,
        });
    }
    let edges = [
        (content_end, (content_end + EDGE_BYTES).min(end)),
        (content_end.max(end.saturating_sub(EDGE_BYTES)), end),
    ];
    for (from, to) in edges {
        let zeroes = vec![0; usize::try_from(to - from).unwrap_or(usize::MAX)];
        storage
            .write_all_at(&zeroes, from)
            .map_err(at_byte("writing", &disk.path, from))?;
    }
    storage
        .write_all_at(drive.bytes(), start)
        .map_err(at_byte("writing", &disk.path, start))?;
    storage
        .settle()
        .map_err(at_byte("flushing", &disk.path, start))?;
    read_back(storage, disk, start, drive.bytes())
}

/// Copies the files to a FAT file system that fills the partition.
fn write_as_vfat(
    storage: &mut impl Storage,
    disk: &Shape,
    place: Partition,
    drive: &ConfigDrive,
) -> Result<(), ConfigDriveError> {
    let (start, length) = disk.extent(place);
    let sector_bytes = u16::try_from(disk.sector_bytes).unwrap_or(u16::MAX);
    let region = Region::new(&mut *storage, start, length);
    vfat::write(region, sector_bytes, drive.bytes()).map_err(|error| match error {
        VfatError::Iso(error) => ConfigDriveError::from(error),
        VfatError::Io(error) => at_byte("writing", &disk.path, start)(error).into(),
    })?;
    Ok(storage
        .settle()
        .map_err(at_byte("flushing", &disk.path, start))?)
}

fn read_back(
    storage: &mut impl Storage,
    disk: &Shape,
    start: u64,
    written: &[u8],
) -> Result<(), ConfigDriveError> {
    let mut found = vec![0; written.len()];
    storage
        .read_exact_at(&mut found, start)
        .map_err(at_byte("reading", &disk.path, start))?;
    if found == written {
        Ok(())
    } else {
        Err(ConfigDriveError::ReadBack {
            path: disk.path.clone(),
        })
    }
}

/// The partition's node, once udev has made it.
fn node(device: &Path, number: u32) -> Result<PathBuf, ConfigDriveError> {
    let missing = || ConfigDriveError::NoNode {
        path: device.to_owned(),
        number,
    };
    retry(NODE_TIME, || partition_node(device, number).ok_or(())).map_err(|()| missing())
}

/// A loop device without partition scanning and a device mapper target never show partitions.
pub(crate) fn is_without_partitions(device: &Path) -> bool {
    let name = std::fs::canonicalize(device)
        .ok()
        .and_then(|path| path.file_name().map(ToOwned::to_owned));
    let Some(name) = name else { return true };
    let directory = Path::new("/sys/class/block").join(name);
    let range = std::fs::read_to_string(directory.join("ext_range")).unwrap_or_default();
    directory.join("dm").exists() || range.trim() == "1" || is_unscanned_loop(&directory)
}

fn is_unscanned_loop(directory: &Path) -> bool {
    std::fs::read_to_string(directory.join("loop/partscan")).is_ok_and(|text| text.trim() == "0")
}

#[cfg(test)]
mod tests;
