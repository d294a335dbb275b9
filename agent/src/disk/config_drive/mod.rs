//! The config drive: a small file system that tells the deployed system who it is, in a partition at the disk's end.
//!
//! `content` gets it, before the image is written, so that a bad one costs nothing; `write` puts it on the disk. It is
//! written through the whole disk and not through the partition's node, which udev may take away at any moment.

mod content;
mod find;
mod iso;
mod vfat;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

pub use content::{ConfigDrive, ContentError};
pub use iso::IsoError;
use vfat::VfatError;

use super::open::{OpenDisk, at_byte};
use super::partitions::{of, partition_node, read_table, rescan, write_gpt};
use super::region::Region;
use super::settle::retry;
use super::table::{Partition, Table};
use super::{DiskError, ioctl};
use crate::host::{Host, HostRefusal};

/// The most that a config drive may have, and the size of its partition.
const MIB: u64 = 64;
const LABEL: &str = "config-2";
const LINUX_FILESYSTEM: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);
/// What is cleared behind the content and at the partition's end, where other file systems have their marks.
const EDGE_BYTES: u64 = 1 << 20;
const NODE_TIME: Duration = Duration::from_secs(15);

#[derive(Debug, Error)]
pub enum ConfigDriveError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Content(#[from] ContentError),
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

/// Writes the config drive to the disk's partition `config-2`, which is made at the end of the disk if it is not
/// there.
///
/// # Errors
/// When there is no room, or the disk does not take it.
pub fn write(host: &Host, device: &Path, drive: &ConfigDrive) -> Result<(), ConfigDriveError> {
    let permit = host.permits_device(device)?;
    let disk = OpenDisk::open(&permit)?;
    let mut table = read_table(&disk)?;
    let place = find_or_add(&disk, &mut table)?;
    if needs_vfat(&disk, drive) {
        write_as_vfat(&disk, place, drive)?;
    } else {
        write_content(&disk, place, drive)?;
    }
    // The table comes last: a partition that is there has its content.
    write_table(&disk, &table)?;
    rescan(&disk)?;
    if disk.is_block_device && !is_without_partitions(device) {
        node(device, place.number)?;
    }
    Ok(())
}

/// The kernel cannot mount ISO 9660, whose blocks have 2048 bytes, from a disk with larger sectors.
fn needs_vfat(disk: &OpenDisk, drive: &ConfigDrive) -> bool {
    disk.sector_bytes > 2048 && drive.is_iso()
}

/// The existing partition, or one that is added to the table in memory.
fn find_or_add(disk: &OpenDisk, table: &mut Table) -> Result<Partition, ConfigDriveError> {
    let partitions = table.partitions().map_err(|source| of(disk, source))?;
    let mut existing = Vec::new();
    for partition in partitions {
        if find::is_config_drive(disk, partition)? {
            existing.push(partition);
        }
    }
    let sectors = disk.size / u64::from(disk.sector_bytes);
    match existing[..] {
        [one] => Ok(one),
        [] => Ok(add(disk, table, sectors)?),
        _ => Err(ConfigDriveError::Several {
            path: disk.path.clone(),
            count: existing.len(),
        }),
    }
}

fn add(disk: &OpenDisk, table: &mut Table, sectors: u64) -> Result<Partition, DiskError> {
    let added = match table {
        Table::Gpt(gpt) => gpt
            .span(sectors)
            .and_then(|()| gpt.add_at_end(MIB, LINUX_FILESYSTEM, Uuid::new_v4(), LABEL)),
        Table::Mbr(mbr) => mbr.add_at_end(sectors, disk.sector_bytes, MIB),
    };
    added.map_err(|source| of(disk, source))
}

fn write_table(disk: &OpenDisk, table: &Table) -> Result<(), DiskError> {
    match table {
        Table::Gpt(gpt) => write_gpt(disk, gpt),
        Table::Mbr(mbr) => {
            disk.file()
                .write_all_at(mbr.bytes(), 0)
                .map_err(at_byte("writing", disk, 0))?;
            disk.file().sync_all().map_err(at_byte("flushing", disk, 0))
        }
    }
}

fn write_content(
    disk: &OpenDisk,
    place: Partition,
    drive: &ConfigDrive,
) -> Result<(), ConfigDriveError> {
    let start = place.first * u64::from(disk.sector_bytes);
    let end = (place.last + 1) * u64::from(disk.sector_bytes);
    let content_end = start + drive.bytes().len() as u64;
    if content_end > end {
        return Err(ConfigDriveError::TooLarge {
            path: disk.path.clone(),
            content: drive.bytes().len() as u64,
            partition: end - start,
        });
    }
    zero(disk, content_end, (content_end + EDGE_BYTES).min(end))?;
    zero(disk, content_end.max(end.saturating_sub(EDGE_BYTES)), end)?;
    disk.file()
        .write_all_at(drive.bytes(), start)
        .map_err(at_byte("writing", disk, start))?;
    disk.file()
        .sync_all()
        .map_err(at_byte("flushing", disk, start))?;
    read_back(disk, start, drive.bytes())
}

/// Copies the files to a FAT file system that fills the partition.
fn write_as_vfat(
    disk: &OpenDisk,
    place: Partition,
    drive: &ConfigDrive,
) -> Result<(), ConfigDriveError> {
    let sector = u64::from(disk.sector_bytes);
    let (start, length) = (
        place.first * sector,
        (place.last + 1 - place.first) * sector,
    );
    let sector_bytes = u16::try_from(disk.sector_bytes).unwrap_or(u16::MAX);
    let region = Region::new(disk.file(), start, length);
    vfat::write(region, sector_bytes, drive.bytes()).map_err(|error| match error {
        VfatError::Iso(error) => ConfigDriveError::from(error),
        VfatError::Io(error) => at_byte("writing", disk, start)(error).into(),
    })?;
    Ok(disk
        .file()
        .sync_all()
        .map_err(at_byte("flushing", disk, start))?)
}

fn zero(disk: &OpenDisk, from: u64, to: u64) -> Result<(), DiskError> {
    let length = usize::try_from(to - from).unwrap_or(usize::MAX);
    disk.file()
        .write_all_at(&vec![0; length], from)
        .map_err(at_byte("writing", disk, from))
}

fn read_back(disk: &OpenDisk, start: u64, written: &[u8]) -> Result<(), ConfigDriveError> {
    if disk.is_block_device {
        ioctl::flush_buffers(disk.file()).map_err(at_byte("flushing", disk, start))?;
    }
    let mut found = vec![0; written.len()];
    disk.file()
        .read_exact_at(&mut found, start)
        .map_err(at_byte("reading", disk, start))?;
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
fn is_without_partitions(device: &Path) -> bool {
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
