//! Puts partitions on a disk, and what belongs into all of them but the image's own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PartitionError;
use super::layout::{Drive, Placed, Role, plan, table};
use super::spec::{Ephemeral, PartitionSpec};
use crate::disk::config_drive::{self, ConfigDrive};
use crate::disk::open::{OpenDisk, at_byte};
use crate::disk::partitions::{of, partition_node, read_table, rescan};
use crate::disk::settle::{retry, settle};
use crate::disk::{DiskError, SharedFileSystems, TableError, check_shared};
use crate::host::DevicePermit;
use crate::run::{Limits, run, run_within};

/// Where file systems have their marks.
const EDGE_BYTES: u64 = 1 << 20;
const NODE_TIME: Duration = Duration::from_secs(30);
/// A large file system on a slow disk.
const MKFS_TIME: Duration = Duration::from_secs(900);

/// The partitions that were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::image) struct Made {
    pub(super) nodes: Vec<(Role, PathBuf)>,
}

impl Made {
    pub(super) fn node(&self, wanted: Role) -> Option<&Path> {
        let found = self.nodes.iter().find(|(role, _)| *role == wanted);
        found.map(|(_, path)| path.as_path())
    }

    /// Where the image goes.
    pub(in crate::image) fn root(&self) -> &Path {
        // A layout always ends with the root.
        self.nodes.last().map_or(Path::new(""), |(_, path)| path)
    }
}

/// Makes the partitions, and everything on them but the image. What can be refused is refused first.
pub(in crate::image) fn make(
    permit: &DevicePermit,
    spec: &PartitionSpec,
    drive: Option<&ConfigDrive>,
    shared: SharedFileSystems,
) -> Result<Made, PartitionError> {
    let disk = OpenDisk::open(permit)?;
    check_shared(&disk, shared)?;
    if disk.is_block_device && config_drive::is_without_partitions(&disk.path) {
        return Err(PartitionError::NotShown { path: disk.path });
    }
    let shape = disk.shape();
    let wanted = match drive {
        Some(_) => Drive::Wanted,
        None => Drive::None,
    };
    let placed = plan(spec, &shape, wanted)?;
    let table = table(&placed, spec.label, &shape).map_err(refused(&disk))?;
    let is_kept = |one: &Placed| one.role == Role::Ephemeral && spec.ephemeral == Ephemeral::Kept;
    let keeps = placed.iter().any(is_kept);
    if keeps {
        check_as_before(&disk, &placed)?;
    } else {
        clear(&disk, 0, shape.size)?;
    }
    for one in placed.iter().filter(|one| !is_kept(one)) {
        let (start, length) = shape.extent(one.partition);
        clear(&disk, start, length)?;
    }
    if !keeps {
        for change in table.changes() {
            write(&disk, change.offset, &change.bytes)?;
        }
    }
    if let (Some(drive), Some(one)) = (drive, find(&placed, Role::ConfigDrive)) {
        let mut storage: &File = disk.file();
        config_drive::fill(&mut storage, &shape, one.partition, drive)?;
    }
    let flushed = disk.file().sync_all();
    flushed.map_err(at_byte("flushing", &disk.path, 0))?;
    rescan(&disk)?;
    drop(disk);
    let nodes = placed.iter().map(|one| {
        let path = node(permit.path(), one.partition.number);
        path.map(|path| (one.role, path))
    });
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    for (one, (role, path)) in placed.iter().zip(&nodes) {
        if !is_kept(one) {
            format(*role, path, spec)?;
        }
    }
    settle();
    Ok(Made { nodes })
}

fn refused(disk: &OpenDisk) -> impl FnOnce(TableError) -> DiskError + use<'_> {
    move |source| of(&disk.path, source)
}

fn find(placed: &[Placed], role: Role) -> Option<&Placed> {
    placed.iter().find(|one| one.role == role)
}

/// The table is left as it is, so it must have just these partitions.
fn check_as_before(disk: &OpenDisk, placed: &[Placed]) -> Result<(), PartitionError> {
    let wanted: Vec<_> = placed.iter().map(|one| one.partition).collect();
    let found = read_table(disk)?.partitions().map_err(refused(disk))?;
    if found == wanted {
        return Ok(());
    }
    Err(PartitionError::NotAsBefore {
        path: disk.path.clone(),
    })
}

fn clear(disk: &OpenDisk, start: u64, length: u64) -> Result<(), DiskError> {
    let edge = length.min(EDGE_BYTES);
    let zeroes = vec![0; usize::try_from(edge).unwrap_or_default()];
    write(disk, start, &zeroes)?;
    write(disk, start + length - edge, &zeroes)
}

fn write(disk: &OpenDisk, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
    let written = disk.file().write_all_at(bytes, offset);
    written.map_err(at_byte("writing", &disk.path, offset))
}

fn node(device: &Path, number: u32) -> Result<PathBuf, PartitionError> {
    retry(NODE_TIME, || partition_node(device, number).ok_or(())).map_err(|()| {
        PartitionError::NoNode {
            path: device.to_owned(),
            number,
        }
    })
}

/// Makes the file system of a partition that has one of its own.
fn format(role: Role, path: &Path, spec: &PartitionSpec) -> Result<(), PartitionError> {
    let path = path.to_string_lossy();
    let (program, arguments) = match role {
        Role::Esp => ("mkfs.vfat".to_owned(), vec!["-n", "efi-part", &path]),
        Role::Swap => ("mkswap".to_owned(), vec!["-L", "swap1", &path]),
        Role::Ephemeral => {
            let format = spec.ephemeral_format.as_str();
            let options = label_options(format);
            let arguments = [options, &["ephemeral0", &path]].concat();
            (format!("mkfs.{format}"), arguments)
        }
        Role::BiosBoot | Role::ConfigDrive | Role::Root => return Ok(()),
    };
    let limits = Limits {
        time: MKFS_TIME,
        ..Limits::default()
    };
    run_within(&program, &arguments, limits)?;
    Ok(())
}

/// How the program of a file system is told a name, and not to ask anything.
fn label_options(format: &str) -> &'static [&'static str] {
    match format {
        "vfat" | "fat" | "msdos" => &["-n"],
        format if format.starts_with("ext") => &["-F", "-q", "-L"],
        "xfs" | "btrfs" => &["-f", "-L"],
        _ => &["-L"],
    }
}

/// The id of the file system of a partition, else that of the partition.
pub(super) fn id(path: &Path) -> Result<String, PartitionError> {
    let path = path.to_string_lossy();
    let told = run("blkid", &["-p", "-o", "export", &path])?;
    let told = String::from_utf8_lossy(&told.stdout);
    let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name));
    let id = value("UUID=").or_else(|| value("PART_ENTRY_UUID="));
    Ok(id.unwrap_or_default().to_owned())
}
