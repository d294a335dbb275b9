//! The partitions of a disk: the table on it, and the kernel's knowledge of them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;

use super::error::{DiskError, doing};
use super::ioctl;
use super::open::{OpenDisk, at_byte};
use super::settle::{retry, settle};
use super::table::backup::TAIL_BYTES;
use super::table::{PREFIX_BYTES, Partition, Table, TableError};
use crate::run::run;

/// How long somebody may hold a partition open before rereading the table fails.
const BUSY_TIME: Duration = Duration::from_secs(20);

/// Reads the disk's partition table.
pub(crate) fn read_table(disk: &OpenDisk) -> Result<Table, DiskError> {
    let prefix = read_prefix(disk)?;
    Table::parse(&prefix, disk.sector_bytes).map_err(|source| of(&disk.path, source))
}

/// The first MiB of a disk, less if it is smaller.
pub(crate) fn read_prefix(disk: &OpenDisk) -> Result<Vec<u8>, DiskError> {
    let length = usize::try_from(disk.size)
        .unwrap_or(usize::MAX)
        .min(PREFIX_BYTES);
    let mut prefix = vec![0; length];
    disk.file()
        .read_exact_at(&mut prefix, 0)
        .map_err(at_byte("reading", &disk.path, 0))?;
    Ok(prefix)
}

/// The last MiB of a disk, less if it is smaller, and at which byte it begins.
pub(crate) fn read_tail(disk: &OpenDisk) -> Result<(u64, Vec<u8>), DiskError> {
    let length = disk.size.min(TAIL_BYTES as u64);
    let offset = disk.size - length;
    let mut tail = vec![0; usize::try_from(length).unwrap_or_default()];
    disk.file()
        .read_exact_at(&mut tail, offset)
        .map_err(at_byte("reading", &disk.path, offset))?;
    Ok((offset, tail))
}

pub(crate) fn of(path: &Path, source: TableError) -> DiskError {
    DiskError::Table {
        path: path.to_owned(),
        source,
    }
}

/// Makes the kernel read the table of a block device anew.
pub(crate) fn rescan(disk: &OpenDisk) -> Result<(), DiskError> {
    if !disk.is_block_device {
        return Ok(());
    }
    disk.shared(settle)?;
    retry(BUSY_TIME, || reread(disk.file()))
        .map_err(doing("rereading the partition table of", &disk.path))?;
    show_missing(disk);
    disk.shared(settle)
}

/// A kernel without a parser for this kind of table is told the partitions by a program that has one.
fn show_missing(disk: &OpenDisk) {
    let partitions = read_table(disk)
        .and_then(|table| table.partitions().map_err(|source| of(&disk.path, source)));
    let is_missing = |partition: &Partition| partition_node(&disk.path, partition.number).is_none();
    if partitions.is_ok_and(|partitions| partitions.iter().any(is_missing))
        && let Err(error) = run("partx", &["--update", &disk.path.to_string_lossy()])
    {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "showing the kernel the partitions"
        );
    }
}

fn reread(file: &File) -> std::io::Result<()> {
    match ioctl::reread_partitions(file) {
        // A loop device without partition scanning and a device mapper target have no partitions of their own.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => Ok(()),
        other => other,
    }
}

/// The node of a partition, once the kernel knows it; `nvme0n1p1`, `sda1` and the like are told apart by sysfs.
pub(crate) fn partition_node(disk_path: &Path, number: u32) -> Option<PathBuf> {
    let device = fs::canonicalize(disk_path).ok()?;
    let directory = Path::new("/sys/class/block").join(device.file_name()?);
    let entries = fs::read_dir(directory).ok()?;
    let is_wanted = |path: &PathBuf| {
        fs::read_to_string(path.join("partition"))
            .is_ok_and(|text| text.trim().parse() == Ok(number))
    };
    let found = entries
        .flatten()
        .map(|entry| entry.path())
        .find(is_wanted)?;
    let node = Path::new("/dev").join(found.file_name()?);
    node.exists().then_some(node)
}
