//! Clearing of metadata: afterwards a disk has no partition table, and no file system, RAID or volume is found on it.
//!
//! Natively and not by `wipefs`, because it has to be read back anyway: what marks a partition or a disk lies within
//! its first or its last MiB, or at one of a few places more. Partitions are cleared before the table that says where they are, so that a power cut
//! in between leaves nothing behind that a second run would not find.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::erase::{EraseMethod, EraseOutcome, EraseRecord};
use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;
use jiff::Timestamp;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::knobs::{Knobs, ReadOnly};
use super::record::{IS_READ_ONLY, IS_VIRTUAL_MEDIA, is_of_volume, record, skipped};
use super::subject::Sysfs;
use super::tables::{self, Entry};
use super::{EraseError, PartlyErased, SharedFileSystems, ended, guard, is_virtual_media};
use crate::disk::open::{OpenDisk, at_byte};
use crate::disk::partitions::rescan;
use crate::disk::{DiskError, erasable_disks, ioctl};
use crate::host::{DevicePermit, Host};

/// Signatures of file systems, RAID and LVM lie within this distance of the start or the end, but for a few.
const EDGE_BYTES: u64 = 1 << 20;
/// Where those few are behind the start: VMFS, and the second header of a LUKS 2 with much room for keys.
const INNER_MARKS: [u64; 3] = [1 << 20, 2 << 20, 4 << 20];
const MARK_BYTES: u64 = 4096;

/// Clears the metadata of all disks but those on the node's skip list, and answers with a record of each.
///
/// # Errors
/// Names every disk that could not be cleared, and has the records of the others.
pub fn erase_metadata(host: &Host, node: Option<&Node>) -> Result<Vec<EraseRecord>, PartlyErased> {
    let (knobs, sysfs) = (Knobs::of(node)?, Sysfs::of_the_machine());
    let disks = erasable_disks(host, node)?;
    let all = Several {
        host,
        knobs: &knobs,
        sysfs: &sysfs,
        disks: &disks,
    };
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for disk in disks.iter().rev() {
        match all.erase(disk) {
            Ok(record) => records.push(record),
            Err(error) => errors.push(error),
        }
    }
    ended(records, errors)
}

/// All disks that are to be cleared.
struct Several<'a> {
    host: &'a Host,
    knobs: &'a Knobs,
    sysfs: &'a Sysfs,
    disks: &'a [Disk],
}

impl Several<'_> {
    /// Clears one of them, unless it is to be left.
    fn erase(&self, disk: &Disk) -> Result<EraseRecord, EraseError> {
        let path = Path::new(&disk.name);
        if is_virtual_media(path) {
            return Ok(skipped(disk, IS_VIRTUAL_MEDIA.to_owned()));
        }
        if let Some(volume) = self.sysfs.volume_on(disk, self.disks)? {
            return Ok(skipped(disk, is_of_volume(&volume)));
        }
        let started_at = Timestamp::now();
        match erase_device_metadata(self.host, path, self.knobs.shared) {
            Ok(()) => Ok(record(disk, started_at, cleared())),
            Err(EraseError::Disk(DiskError::ReadOnly { .. }))
                if self.knobs.read_only == ReadOnly::Skip =>
            {
                Ok(skipped(disk, IS_READ_ONLY.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// All that was cleared was read back, so that no sample would tell more.
fn cleared() -> EraseOutcome {
    EraseOutcome::Erased {
        method: EraseMethod::Metadata,
        failed_before: Vec::new(),
        sample_bytes: 0,
        samples: Vec::new(),
    }
}

/// Clears the metadata of one disk and of its partitions.
///
/// # Errors
/// When the disk is in use, read-only, failing, or carries what other machines may be using.
pub fn erase_device_metadata(
    host: &Host,
    device: &Path,
    shared: SharedFileSystems,
) -> Result<(), EraseError> {
    let disk = open(host, device)?;
    let areas = look_at(&disk, shared)?;
    clear_open(&disk, areas)
}

/// Opens a disk for its erasure; nobody else uses it then.
pub(super) fn open(host: &Host, device: &Path) -> Result<OpenDisk, DiskError> {
    OpenDisk::open(&host.permits_device(device)?)
}

/// The partitions of a disk that carries nothing that other machines may be using.
pub(super) fn look_at(disk: &OpenDisk, shared: SharedFileSystems) -> Result<Vec<Area>, EraseError> {
    let entries = tables::entries(disk)?;
    let areas = partitions(disk, &entries);
    if shared == SharedFileSystems::Protect {
        guard::check(disk, &entries, &areas)?;
    }
    Ok(areas)
}

/// Fails where a disk carries what other machines may be using, unless that is to be erased.
pub(crate) fn check_shared(disk: &OpenDisk, shared: SharedFileSystems) -> Result<(), EraseError> {
    match shared {
        SharedFileSystems::Protect => look_at(disk, shared).map(drop),
        SharedFileSystems::Erase => Ok(()),
    }
}

/// The same for a disk that a program of others is going to write.
pub(crate) fn check_shared_on(
    permit: &DevicePermit,
    shared: SharedFileSystems,
) -> Result<(), EraseError> {
    check_shared(&OpenDisk::open_to_look(permit)?, shared)
}

/// Clears the metadata of an open disk and of its partitions.
pub(super) fn clear_open(disk: &OpenDisk, mut areas: Vec<Area>) -> Result<(), EraseError> {
    areas.sort_unstable_by_key(|area| std::cmp::Reverse(area.start));
    areas.push(Area {
        start: 0,
        length: disk.size,
    });
    for area in &areas {
        clear(disk, *area)?;
    }
    disk.file()
        .sync_all()
        .map_err(at_byte("flushing", &disk.path, 0))?;
    verify(disk, &areas)?;
    Ok(rescan(disk)?)
}

/// A disk or a part of it, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Area {
    /// Starts and lengths of what is cleared; they overlap in a small area, which does no harm.
    fn marked(self) -> Vec<(u64, u64)> {
        let length = self.length.min(EDGE_BYTES);
        let edges = [self.start, self.start + self.length - length].map(|start| (start, length));
        let inner = INNER_MARKS.into_iter();
        let inner = inner.filter(|at| at + MARK_BYTES <= self.length);
        let inner = inner.map(|at| (self.start + at, MARK_BYTES));
        edges.into_iter().chain(inner).collect()
    }
}

/// The partitions that the tables and the kernel know; logical ones only the kernel does.
fn partitions(disk: &OpenDisk, entries: &[Entry]) -> Vec<Area> {
    let mut areas = kernel_partitions(disk);
    areas.extend(entries.iter().map(|entry| entry.area));
    // A damaged table may point anywhere, and that of a larger disk beyond the end of this one.
    areas.retain(|area| area.start < disk.size);
    for area in &mut areas {
        area.length = area.length.min(disk.size - area.start);
    }
    areas.retain(|area| area.length > 0);
    areas.dedup();
    areas
}

fn kernel_partitions(disk: &OpenDisk) -> Vec<Area> {
    let name = fs::canonicalize(&disk.path)
        .ok()
        .and_then(|path| path.file_name().map(ToOwned::to_owned));
    let Some(name) = name.filter(|_| disk.is_block_device) else {
        return Vec::new();
    };
    let entries = fs::read_dir(Path::new("/sys/class/block").join(name));
    let directories = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let partitions = directories.filter(|path| path.join("partition").exists());
    // sysfs counts in 512 bytes whatever the disk does.
    let number = |path: &Path, file| {
        fs::read_to_string(path.join(file))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let area = |path: PathBuf| {
        let (start, length) = (number(&path, "start")?, number(&path, "size")?);
        Some(Area {
            start: start.checked_mul(512)?,
            length: length.checked_mul(512)?,
        })
    };
    partitions.filter_map(area).collect()
}

fn clear(disk: &OpenDisk, area: Area) -> Result<(), DiskError> {
    for (start, length) in area.marked() {
        let zeroes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        disk.file()
            .write_all_at(&zeroes, start)
            .map_err(at_byte("clearing", &disk.path, start))?;
    }
    Ok(())
}

/// Reads from the disk itself what must be zero now.
fn verify(disk: &OpenDisk, areas: &[Area]) -> Result<(), EraseError> {
    if disk.is_block_device {
        ioctl::flush_buffers(disk.file()).map_err(at_byte("flushing", &disk.path, 0))?;
    }
    let advice = posix_fadvise(disk.file(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    advice.map_err(|error| at_byte("flushing", &disk.path, 0)(error.into()))?;
    for (start, length) in areas.iter().flat_map(|area| area.marked()) {
        let mut found = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        disk.file()
            .read_exact_at(&mut found, start)
            .map_err(at_byte("reading", &disk.path, start))?;
        if let Some(at) = found.iter().position(|byte| *byte != 0) {
            return Err(EraseError::ReadBack {
                path: disk.path.clone(),
                offset: start + at as u64,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
