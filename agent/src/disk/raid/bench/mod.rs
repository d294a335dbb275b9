//! What software RAID asks of the machine. `Machine` is this one; a test answers in its place.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferric_agent_protocol::boot::DiskLabel;
use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::node::Node;
use uuid::Uuid;

use super::arrays::{self, Array};
use super::error::RaidError;
use super::layout::{DiskLayout, ESP_MIB};
use crate::disk::config_drive::is_without_partitions;
use crate::disk::identity::announce;
use crate::disk::open::{OpenDisk, at_byte};
use crate::disk::partitions::{of, partition_node, read_table, rescan};
use crate::disk::settle::{retry, settle};
use crate::disk::table::{Entry, Gpt, Mark, Mbr, Table};
use crate::disk::{
    DiskError, SharedFileSystems, TableError, check_shared, erase_device_metadata, inventory,
    is_virtual_media, shared_file_systems,
};
use crate::host::Host;
use crate::run::{Limits, Output, RunError, run, run_within};

const LINUX_RAID: Uuid = Uuid::from_u128(0xa19d_880f_05fc_4d3b_a006_743f_0f84_911e);
const MBR_LINUX_RAID: u8 = 0xfd;
const ESP: Uuid = Uuid::from_u128(0xc12a_7328_f81f_11d2_ba4b_00a0_c93e_c93b);
const BIOS_BOOT: Uuid = Uuid::from_u128(0x2168_6148_6449_6e6f_744e_6565_6445_4649);
const BIOS_BOOT_MIB: u64 = 2;
/// Where file systems and other RAIDs have their marks: a member starts without any of them.
const EDGE_BYTES: u64 = 1 << 20;
const NODE_TIME: Duration = Duration::from_secs(30);
/// mdadm waits for the kernel and for udev, and both for slow disks.
const MDADM_TIME: Duration = Duration::from_secs(300);

/// Which volumes are assembled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assembly {
    /// Those that miss no disk.
    Whole,
    All,
    /// All, and nothing is written to their disks.
    ReadOnly,
}

impl Assembly {
    /// What mdadm is told.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &["--assemble", "--scan", "--homehost=any", "--no-degraded"],
            Self::All => &["--assemble", "--scan", "--homehost=any"],
            Self::ReadOnly => &["--assemble", "--scan", "--homehost=any", "--readonly"],
        }
    }
}

/// What software RAID asks of the machine.
pub(super) trait Bench {
    /// Runs mdadm.
    fn mdadm(&self, arguments: &[&str]) -> Result<Output, RunError>;

    /// Makes the kernel run the volumes that are on the disks.
    fn assemble(&self, which: Assembly);

    /// The volumes that may be seen.
    fn arrays(&self) -> Result<Vec<Array>, RaidError>;

    /// The disks that volumes can be made of, without those on the node's skip list.
    fn disks(&self, node: &Node) -> Result<Vec<DiskFacts>, RaidError>;

    /// The partitions of a disk as the kernel knows them.
    fn partitions(&self, disk: &Path) -> Vec<PathBuf>;

    /// Whether the table on a disk has partitions, or the kernel knows of any. Fails where the kernel never shows any.
    fn has_partitions(&self, disk: &Path) -> Result<bool, RaidError>;

    /// Fails where this device may not be written.
    fn check(&self, device: &Path) -> Result<(), RaidError>;

    /// Fails where a disk, which may be in use, carries what other machines may be using.
    fn check_content(&self, disk: &Path) -> Result<(), RaidError>;

    /// Notes which piece of hardware mdadm is going to write to.
    fn announce(&self, device: &Path);

    /// Gives a disk a new partition table.
    fn write_table(&self, disk: &DiskLayout) -> Result<(), RaidError>;

    /// Adds an EFI system partition with this name to a disk that is in use; answers with its number.
    fn add_esp(&self, disk: &Path, name: &str) -> Result<u32, RaidError>;

    /// Adds the partition that GRUB lies on under BIOS to a disk that is in use, where its table is one that needs it.
    fn add_bios_boot(&self, disk: &Path, name: &str) -> Result<(), RaidError>;

    /// The node of a partition, once it is there.
    fn partition(&self, disk: &Path, number: u32) -> Result<PathBuf, RaidError>;

    /// A volume that mdadm has made, once the kernel shows it.
    fn array(&self, device: &Path) -> Result<Array, RaidError>;

    /// Takes all marks of partitions, file systems and RAID from a disk or a volume.
    fn clear(&self, device: &Path) -> Result<(), RaidError>;

    /// Waits until udev has looked at what was changed.
    fn settle(&self);

    /// The name that a volume has on its disks.
    fn name(&self, device: &Path) -> Result<Option<String>, RunError> {
        let device = device.to_string_lossy();
        let told = self.mdadm(&["--detail", "--export", &device])?;
        Ok(arrays::name_in(&String::from_utf8_lossy(&told.stdout)))
    }
}

/// This machine.
pub(super) struct Machine<'a> {
    host: &'a Host,
    shared: SharedFileSystems,
}

impl<'a> Machine<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        Self {
            host,
            shared: SharedFileSystems::Protect,
        }
    }

    /// The machine of a node, which may permit that shared file systems are erased.
    pub(super) fn of(host: &'a Host, node: &Node) -> Result<Self, RaidError> {
        let shared = shared_file_systems(node)?;
        Ok(Self { host, shared })
    }

    fn open(&self, device: &Path) -> Result<OpenDisk, RaidError> {
        Ok(OpenDisk::open(&self.host.permits_device(device)?)?)
    }

    /// Adds a partition to a disk that is in use, unless one has its name; `None` where the disk has no GPT.
    fn add(&self, disk: &Path, mib: u64, kind: Uuid, name: &str) -> Result<Option<u32>, RaidError> {
        let disk = OpenDisk::open_in_use(&self.host.permits_device(disk)?)?;
        let Table::Gpt(mut gpt) = read_table(&disk)? else {
            return Ok(None);
        };
        if let Some(there) = gpt.named(name) {
            return Ok(Some(there.number));
        }
        // Whatever the header says: the second copy belongs to the end of this disk.
        let spanned = gpt.span(disk.shape().sectors());
        spanned.map_err(|source| of(&disk.path, source))?;
        let added = gpt
            .add_at_start(mib, kind, Uuid::new_v4(), name)
            .map_err(|source| of(&disk.path, source))?;
        let (start, length) = disk.shape().extent(added);
        write(&disk, start, &zeroes(EDGE_BYTES))?;
        write(&disk, start + length - EDGE_BYTES, &zeroes(EDGE_BYTES))?;
        write_changes(&disk, &Table::Gpt(gpt))?;
        Ok(Some(added.number))
    }
}

impl Bench for Machine<'_> {
    fn mdadm(&self, arguments: &[&str]) -> Result<Output, RunError> {
        let limits = Limits {
            time: MDADM_TIME,
            ..Limits::default()
        };
        run_within("mdadm", arguments, limits)
    }

    fn assemble(&self, which: Assembly) {
        // It takes whatever disk it finds, so all of them must be this agent's.
        if let Err(error) = self.host.permits_all_disks() {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "no RAID volumes are assembled"
            );
            return;
        }
        settle();
        if let Err(error) = self.mdadm(which.arguments()) {
            // mdadm fails, too, where there is nothing to assemble.
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "assembling RAID volumes"
            );
        }
        settle();
    }

    fn arrays(&self) -> Result<Vec<Array>, RaidError> {
        let tree = self.host.tree();
        let mut arrays = arrays::read(&tree.path("sys/block"))?;
        arrays.retain(|array| self.host.visible(&tree.node(&array.device)));
        Ok(arrays)
    }

    fn disks(&self, node: &Node) -> Result<Vec<DiskFacts>, RaidError> {
        let disks = inventory::unskipped(inventory::disk_facts(self.host)?, Some(node))?;
        let block = self.host.tree().path("sys/block");
        let is_plain = |facts: &DiskFacts| {
            let path = Path::new(&facts.disk.name);
            let name = path.file_name().unwrap_or_default();
            !block.join(name).join("md").is_dir() && !is_virtual_media(path)
        };
        Ok(disks.into_iter().filter(is_plain).collect())
    }

    fn partitions(&self, disk: &Path) -> Vec<PathBuf> {
        let name = disk.file_name().unwrap_or_default();
        let directory = self.host.tree().path("sys/block").join(name);
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut nodes: Vec<PathBuf> = entries
            .filter(|entry| entry.path().join("partition").exists())
            .map(|entry| Path::new("/dev").join(entry.file_name()))
            .collect();
        nodes.sort();
        nodes
    }

    fn has_partitions(&self, disk: &Path) -> Result<bool, RaidError> {
        if !self.partitions(disk).is_empty() {
            return Ok(true);
        }
        let disk = self.open(disk)?;
        if disk.is_block_device && is_without_partitions(&disk.path) {
            return Err(RaidError::NotShown { path: disk.path });
        }
        let table = read_table(&disk);
        Ok(table.is_ok_and(|table| table.partitions().is_ok()))
    }

    fn check(&self, device: &Path) -> Result<(), RaidError> {
        self.host.permits_device(device)?;
        Ok(())
    }

    fn check_content(&self, disk: &Path) -> Result<(), RaidError> {
        let disk = OpenDisk::open_to_look(&self.host.permits_device(disk)?)?;
        Ok(check_shared(&disk, self.shared)?)
    }

    fn announce(&self, device: &Path) {
        announce(device);
    }

    fn write_table(&self, layout: &DiskLayout) -> Result<(), RaidError> {
        let disk = self.open(&layout.path)?;
        let table = table_of(layout, disk.shape().sectors(), disk.sector_bytes)
            .map_err(|source| of(&disk.path, source))?;
        let whole = (0, disk.size);
        let shape = disk.shape();
        let partitions = layout.partitions.iter().map(|one| shape.extent(*one));
        for (start, length) in partitions.chain([whole]) {
            let edge = length.min(EDGE_BYTES);
            write(&disk, start, &zeroes(edge))?;
            write(&disk, start + length - edge, &zeroes(edge))?;
        }
        write_changes(&disk, &table)?;
        rescan(&disk)?;
        Ok(())
    }

    fn add_esp(&self, disk: &Path, name: &str) -> Result<u32, RaidError> {
        let number = self.add(disk, ESP_MIB, ESP, name)?;
        number.ok_or_else(|| RaidError::NoGpt {
            path: disk.to_owned(),
        })
    }

    fn add_bios_boot(&self, disk: &Path, name: &str) -> Result<(), RaidError> {
        // Behind an MBR there is room before the first partition.
        self.add(disk, BIOS_BOOT_MIB, BIOS_BOOT, name)?;
        Ok(())
    }

    fn partition(&self, disk: &Path, number: u32) -> Result<PathBuf, RaidError> {
        let node = || partition_node(disk, number).ok_or(());
        if node().is_err() {
            // The kernel does not read the table of a disk anew while a partition of it is in use.
            let number = number.to_string();
            let added = run(
                "partx",
                &["--add", "--nr", &number, &disk.to_string_lossy()],
            );
            if let Err(error) = added {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "showing the kernel a partition"
                );
            }
            settle();
        }
        retry(NODE_TIME, node).map_err(|()| RaidError::NoNode {
            path: disk.to_owned(),
            number,
        })
    }

    fn array(&self, device: &Path) -> Result<Array, RaidError> {
        let shown = retry(NODE_TIME, || {
            let arrays = self.arrays()?;
            let mut arrays = arrays.into_iter();
            let found = arrays.find(|array| array.device == device && device.exists());
            found.ok_or_else(|| RaidError::NoVolume {
                device: device.to_owned(),
            })
        });
        settle();
        shown
    }

    fn settle(&self) {
        settle();
    }

    fn clear(&self, device: &Path) -> Result<(), RaidError> {
        Ok(erase_device_metadata(self.host, device, self.shared)?)
    }
}

/// The table of a layout, for a disk of this size.
fn table_of(layout: &DiskLayout, sectors: u64, sector_bytes: u32) -> Result<Table, TableError> {
    match layout.label {
        DiskLabel::Gpt => {
            let mut gpt = Gpt::create(sectors, sector_bytes, Uuid::new_v4())?;
            for partition in &layout.partitions {
                gpt.add(Entry {
                    first: partition.first,
                    last: partition.last,
                    kind: LINUX_RAID,
                    id: Uuid::new_v4(),
                    name: "raid",
                })?;
            }
            Ok(Table::Gpt(gpt))
        }
        DiskLabel::Msdos => {
            let mut mbr = Mbr::create(rand::random());
            for partition in &layout.partitions {
                mbr.add(partition.first, partition.last, MBR_LINUX_RAID, Mark::Plain)?;
            }
            Ok(Table::Mbr(mbr))
        }
    }
}

fn write_changes(disk: &OpenDisk, table: &Table) -> Result<(), DiskError> {
    for change in table.changes() {
        write(disk, change.offset, &change.bytes)?;
    }
    let flushed = disk.file().sync_all();
    flushed.map_err(at_byte("flushing", &disk.path, 0))
}

fn write(disk: &OpenDisk, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
    let written = disk.file().write_all_at(bytes, offset);
    written.map_err(at_byte("writing", &disk.path, offset))
}

fn zeroes(length: u64) -> Vec<u8> {
    vec![0; usize::try_from(length).unwrap_or_default()]
}

#[cfg(test)]
mod tests;
