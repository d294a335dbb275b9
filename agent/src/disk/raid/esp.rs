//! The EFI system partition of a machine that boots from a RAID volume: firmware knows nothing of RAID, so each disk of
//! the volume has one, and a mirror of its own keeps them equal. Its members end with what mdadm writes, so that each of
//! them is a file system to the firmware, and the machine boots without any of the disks.

use std::path::{Path, PathBuf};

use super::bench::Bench;
use super::config::Level;
use super::create::make;
use super::error::RaidError;
use super::layout::{ArrayPlan, Member, PlanError, free_device};
use super::standing::{ESP_VOLUME, Named, named};

/// The mirror, and where its members are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EspMirror {
    pub(crate) device: PathBuf,
    /// Disks and the numbers of their partitions.
    pub(crate) places: Vec<(PathBuf, u32)>,
}

/// Finds the mirror beside a volume, or makes it where the layout has left room.
pub(super) fn prepare(bench: &impl Bench, volume: &Path) -> Result<EspMirror, RaidError> {
    let arrays = named(bench)?;
    let found = arrays.iter().find(|one| one.array.device == volume);
    let found = found.ok_or_else(|| RaidError::NoVolume {
        device: volume.to_owned(),
    })?;
    let disks = found.array.disks();
    let is_mirror = |one: &&Named| {
        one.name.as_deref() == Some(ESP_VOLUME)
            && one.array.level == "raid1"
            && one.array.disks() == disks
    };
    let existing = arrays.iter().find(is_mirror);
    if let Some((one, members)) = existing.and_then(|one| Some((one, one.array.members()?))) {
        return Ok(mirror(one.array.device.clone(), members));
    }
    for disk in &disks {
        bench.check(disk)?;
    }
    let mut members = Vec::new();
    for (index, disk) in disks.into_iter().enumerate() {
        let number = bench.add_esp(&disk, &format!("uefi-holder-{index}"))?;
        members.push(Member { disk, number });
    }
    let taken: Vec<PathBuf> = arrays.into_iter().map(|one| one.array.device).collect();
    let device = free_device(&taken).ok_or(PlanError::NoNumber)?;
    let plan = ArrayPlan {
        device: device.clone(),
        name: ESP_VOLUME.to_owned(),
        level: Level::Raid1,
        metadata: "1.0",
        members: members.clone(),
    };
    make(bench, &plan)?;
    Ok(mirror(device, members))
}

fn mirror(device: PathBuf, members: Vec<Member>) -> EspMirror {
    let places = members.into_iter().map(|one| (one.disk, one.number));
    EspMirror {
        device,
        places: places.collect(),
    }
}
