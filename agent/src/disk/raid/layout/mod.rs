//! From wanted volumes and disks to partitions and RAID volumes. Pure: nothing is read or written here.
//!
//! Sizes are Ironic's: a volume of N GiB has a partition on each of its disks that ends N GiB behind the start of the
//! disk, or N GiB behind the volume before it. What the boot partition takes is taken from the first volume.

use std::path::{Path, PathBuf};

use ferric_agent_protocol::boot::{BootMode, DiskLabel};
use ferric_agent_protocol::hints::DiskFacts;
use thiserror::Error;

use super::config::{Level, RaidConfig, Size, Volume};
use crate::disk::table::{MAX_SECTORS, Partition};

const MIB: u64 = 1 << 20;
const MIB_IN_GIB: u64 = 1 << 10;
/// More volumes than a machine ever has; what mdadm finds itself gets numbers from 127 downwards.
const MAX_ARRAYS: usize = 128;

/// The size of the EFI system partition that is made on each disk later.
pub(super) const ESP_MIB: u64 = 550;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    #[error(
        "logical disk {volume}: no disk that is not taken yet fits the physical disk ({hints})"
    )]
    NoDisk { volume: usize, hints: String },
    #[error(
        "logical disk {volume}: RAID {level} takes at least {least} disks, and there are {found}"
    )]
    TooFew {
        volume: usize,
        level: &'static str,
        least: usize,
        found: usize,
    },
    #[error(
        "logical disk {volume} does not fit on {disk}: it would end at {end_mib} MiB of {limit_mib} MiB that can be used"
    )]
    NoRoom {
        volume: usize,
        disk: PathBuf,
        end_mib: u64,
        limit_mib: u64,
    },
    #[error("no number is free for one more RAID volume")]
    NoNumber,
}

/// How the machine boots, and what its disks have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boot {
    pub(super) mode: BootMode,
    pub(super) label: DiskLabel,
}

/// A partition of a disk that a volume is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) disk: PathBuf,
    pub(super) number: u32,
}

/// The partition table that a disk gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiskLayout {
    pub(super) path: PathBuf,
    pub(super) label: DiskLabel,
    pub(super) partitions: Vec<Partition>,
}

/// A volume that mdadm makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayPlan {
    pub(super) device: PathBuf,
    pub(super) name: String,
    pub(super) level: Level,
    /// The version of what mdadm writes to the members: with 1.0 it stands at their end, and firmware sees the file
    /// system of a mirror on each of them.
    pub(super) metadata: &'static str,
    pub(super) members: Vec<Member>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) disks: Vec<DiskLayout>,
    pub(super) arrays: Vec<ArrayPlan>,
}

impl ArrayPlan {
    /// What mdadm is asked for, once its members have nodes. The name does not depend on who made the volume: the
    /// next ramdisk and the deployed system find it by that.
    pub(super) fn create_arguments(&self, members: &[PathBuf]) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments = vec!["--create".to_owned(), text(&self.device)];
        arguments.extend(["--force", "--run"].map(str::to_owned));
        arguments.push(format!("--metadata={}", self.metadata));
        arguments.extend(["--homehost=any", "--level", self.level.mdadm_name()].map(str::to_owned));
        arguments.extend(["--name".to_owned(), self.name.clone()]);
        arguments.extend(["--raid-devices".to_owned(), members.len().to_string()]);
        arguments.extend(members.iter().map(|path| text(path)));
        arguments
    }
}

/// The node of a RAID volume that is not there yet.
pub(super) fn free_device(taken: &[PathBuf]) -> Option<PathBuf> {
    let device = |number| PathBuf::from(format!("/dev/md{number}"));
    (0..MAX_ARRAYS)
        .map(device)
        .find(|path| !taken.contains(path))
}

/// Lays the volumes out on the disks. `taken` are the volumes that are there already.
pub(super) fn plan(
    config: &RaidConfig,
    disks: &[DiskFacts],
    boot: Boot,
    taken: &[PathBuf],
) -> Result<Layout, PlanError> {
    let (mut tables, mut arrays) = (Vec::<Growing>::new(), Vec::new());
    let mut taken = taken.to_vec();
    for (index, volume) in config.volumes.iter().enumerate() {
        let mut members = Vec::new();
        for facts in chosen(index + 1, volume, disks)? {
            let path = PathBuf::from(&facts.disk.name);
            let known = tables.iter().position(|table| table.path == path);
            let place = known.unwrap_or_else(|| {
                tables.push(Growing::new(facts, boot));
                tables.len() - 1
            });
            let number = tables[place].add(index + 1, volume.size)?;
            members.push(Member { disk: path, number });
        }
        let device = free_device(&taken).ok_or(PlanError::NoNumber)?;
        taken.push(device.clone());
        arrays.push(ArrayPlan {
            device,
            name: volume.name_at(index),
            level: volume.level,
            metadata: "1",
            members,
        });
    }
    let disks = tables.into_iter().map(|table| DiskLayout {
        path: table.path,
        label: boot.label,
        partitions: table.partitions,
    });
    Ok(Layout {
        disks: disks.collect(),
        arrays,
    })
}

/// The disks of a volume: those that fit its hints, one for each, in the order of the hints.
fn chosen<'a>(
    number: usize,
    volume: &Volume,
    disks: &'a [DiskFacts],
) -> Result<Vec<&'a DiskFacts>, PlanError> {
    let mut chosen: Vec<&DiskFacts> = Vec::new();
    match &volume.disks {
        None => chosen.extend(disks),
        Some(wanted) => {
            for hints in wanted {
                let is_free = |facts: &&DiskFacts| {
                    let is_it = |other: &&DiskFacts| other.disk.name == facts.disk.name;
                    hints.matches(facts) && !chosen.iter().any(is_it)
                };
                let found = disks.iter().find(is_free);
                chosen.push(found.ok_or_else(|| PlanError::NoDisk {
                    volume: number,
                    hints: hints.to_string(),
                })?);
            }
        }
    }
    let least = volume.level.least_disks();
    if chosen.len() < least {
        return Err(PlanError::TooFew {
            volume: number,
            level: volume.level.mdadm_name(),
            least,
            found: chosen.len(),
        });
    }
    Ok(chosen)
}

/// A disk that is being filled.
struct Growing {
    path: PathBuf,
    sectors_in_mib: u64,
    limit_mib: u64,
    end_mib: Option<u64>,
    boot: Boot,
    partitions: Vec<Partition>,
}

impl Growing {
    fn new(facts: &DiskFacts, boot: Boot) -> Self {
        let sector_bytes = u64::from(facts.disk.logical_sectors.unwrap_or(512)).clamp(512, MIB);
        let addressable = match boot.label {
            DiskLabel::Gpt => u64::MAX,
            DiskLabel::Msdos => MAX_SECTORS * sector_bytes,
        };
        Self {
            path: PathBuf::from(&facts.disk.name),
            sectors_in_mib: MIB / sector_bytes,
            // The last MiB has the second copy of a GPT.
            limit_mib: (facts.disk.size.min(addressable) / MIB).saturating_sub(1),
            end_mib: None,
            boot,
            partitions: Vec::new(),
        }
    }

    /// The number of the partition that is added.
    fn add(&mut self, volume: usize, size: Size) -> Result<u32, PlanError> {
        let start_mib = self.end_mib.unwrap_or_else(|| first_mib(self.boot));
        let end_mib = match size {
            Size::Max => self.limit_mib,
            Size::Gib(gib) => self.end_mib.unwrap_or(0) + gib * MIB_IN_GIB,
        };
        if end_mib > self.limit_mib || end_mib <= start_mib {
            return Err(PlanError::NoRoom {
                volume,
                disk: self.path.clone(),
                end_mib: end_mib.max(start_mib),
                limit_mib: self.limit_mib,
            });
        }
        self.end_mib = Some(end_mib);
        let number = u32::try_from(self.partitions.len() + 1).unwrap_or(u32::MAX);
        self.partitions.push(Partition {
            number,
            first: start_mib * self.sectors_in_mib,
            last: end_mib * self.sectors_in_mib - 1,
        });
        Ok(number)
    }
}

/// What is left before the volumes: for the EFI system partition, or for what a boot loader puts before a GPT's first
/// partition.
fn first_mib(boot: Boot) -> u64 {
    match (boot.mode, boot.label) {
        (BootMode::Uefi, _) => ESP_MIB + 1,
        (BootMode::Bios, DiskLabel::Gpt) => 8,
        (BootMode::Bios, DiskLabel::Msdos) => 1,
    }
}

#[cfg(test)]
mod tests;
