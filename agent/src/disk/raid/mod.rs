//! Software RAID by mdadm: making and deleting the volumes that a node wants, and what they mean for its boot.
//!
//! `config` says what is wanted, `layout` what that comes to on these disks; both are pure. `bench` is all that the
//! machine is asked for, so that `create`, `delete`, `esp`, `look` and `standing` run in tests without any RAID.

mod arrays;
mod bench;
mod config;
mod create;
mod delete;
mod error;
mod esp;
mod grub;
mod layout;
mod look;
mod standing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ferric_agent_protocol::hints::DiskFacts;
use ferric_agent_protocol::node::Node;
use serde_json::Value;

pub use config::RaidConfigError;
pub use error::RaidError;
pub(crate) use esp::EspMirror;
pub use layout::PlanError;

use super::bootloader::firmware;
use crate::host::Host;
use bench::{Assembly, Bench, Machine};
use config::RaidConfig;
use standing::{Kept, Standing, config_of, named};

/// What to do with volumes that are there before others are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Delete,
    Leave,
}

/// Whether any volume was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    Volumes,
    Nothing,
}

/// Makes the volumes of a node's `target_raid_config`.
///
/// # Errors
/// When they cannot be made of these disks, or there are partitions already.
pub fn create_configuration(host: &Host, node: &Node, wanted: &Value) -> Result<Made, RaidError> {
    let Some(config) = RaidConfig::parse(wanted, &node.skipped_volumes()?)? else {
        return Ok(Made::Nothing);
    };
    create::create(&Machine::of(host, node)?, node, &config, firmware())?;
    Ok(Made::Volumes)
}

/// Makes the volumes of a deploy step's argument; nothing is deleted before it is known to make sense.
///
/// # Errors
/// As [`create_configuration`], and when no volume is one of software.
pub fn apply_configuration(
    host: &Host,
    node: &Node,
    wanted: &Value,
    existing: Existing,
) -> Result<(), RaidError> {
    let config = RaidConfig::parse(wanted, &node.skipped_volumes()?)?;
    let config = config.ok_or_else(|| {
        RaidConfigError("it has no logical disk with the controller software".to_owned())
    })?;
    let machine = Machine::of(host, node)?;
    match existing {
        Existing::Delete => create::replace(&machine, node, &config, firmware()),
        Existing::Leave => create::create(&machine, node, &config, firmware()),
    }
}

/// Deletes all volumes but those on the node's skip list.
///
/// # Errors
/// When a volume is in use or cannot be taken apart.
pub fn delete_configuration(host: &Host, node: &Node) -> Result<(), RaidError> {
    delete::delete(&Machine::of(host, node)?, node)
}

/// The disks that may get the operating system, without those that volumes rule out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The volume that the node's RAID configuration calls its root.
    Root(Box<DiskFacts>),
    Among(Vec<DiskFacts>),
}

/// Whether hints say which disk is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hinted {
    Yes,
    No,
}

/// Makes the kernel run the volumes of a node that has some: the ramdisk leaves them alone otherwise, as they would
/// hold the disks that are to be written.
pub(super) fn assemble(host: &Host, node: &Node) -> Result<(), RaidError> {
    if config_of(node).is_some() || !node.skipped_volumes()?.is_empty() {
        Machine::new(host).assemble(Assembly::Whole);
    }
    Ok(())
}

/// The same before an erasure, but only where a volume is to be kept: the others are erased with their disks. One that
/// misses a disk is kept, too, and tells its name only when it runs.
pub(super) fn assemble_kept(host: &Host, node: &Node) -> Result<(), RaidError> {
    if !node.skipped_volumes()?.is_empty() {
        Machine::new(host).assemble(Assembly::All);
    }
    Ok(())
}

/// The volumes of this machine run, for reading alone, until this is dropped: what is inspected has them among its disks,
/// and afterwards nothing holds the disks that are to be written.
pub(crate) struct Shown<'a> {
    host: &'a Host,
    started: Vec<PathBuf>,
}

impl<'a> Shown<'a> {
    pub(crate) fn on(host: &'a Host) -> Self {
        let started = look::start(&Machine::new(host)).unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "looking for RAID volumes");
            Vec::new()
        });
        Self { host, started }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        let started = std::mem::take(&mut self.started);
        let volumes = look::stop(&Machine::new(self.host), started);
        if !volumes.is_empty() {
            tracing::warn!(
                ?volumes,
                "these RAID volumes could not be stopped and hold their disks"
            );
        }
    }
}

/// What volumes leave of the disks for the operating system.
pub(super) fn narrow(
    host: &Host,
    node: &Node,
    disks: Vec<DiskFacts>,
    hinted: Hinted,
) -> Result<Choice, RaidError> {
    let standing = Standing::of(&Machine::new(host), node)?;
    Ok(standing.choice(disks, hinted))
}

/// The disks that may be erased: none that a volume lies on which is kept, nor that volume, nor the EFI system
/// partitions beside it.
pub(super) fn without_kept(
    host: &Host,
    node: &Node,
    disks: Vec<DiskFacts>,
) -> Result<Vec<DiskFacts>, RaidError> {
    let bench = Machine::new(host);
    if node.skipped_volumes()?.is_empty() && node.skipped_disks()?.is_empty() {
        return Ok(disks);
    }
    let arrays = named(&bench)?;
    Ok(Kept::of(&bench, node, &arrays)?.erasable(&arrays, disks))
}

/// Whether a device is a RAID volume.
pub(crate) fn is_volume(host: &Host, device: &Path) -> bool {
    let device = std::fs::canonicalize(device).unwrap_or_else(|_| device.to_owned());
    let name = device.file_name().unwrap_or_default();
    let block = host.tree().path("sys/block");
    !name.is_empty() && block.join(name).join("md").is_dir()
}

/// The disks of a volume, for a GRUB on each of them.
///
/// # Errors
/// When a disk has no room for one.
pub(crate) fn disks_for_grub(host: &Host, volume: &Path) -> Result<Vec<PathBuf>, RaidError> {
    let volume = std::fs::canonicalize(volume).unwrap_or_else(|_| volume.to_owned());
    grub::prepare(&Machine::new(host), &volume)
}

/// The id of a volume for the ramdisk of the system on it.
///
/// # Errors
/// When mdadm does not know it.
pub(crate) fn volume_id(host: &Host, volume: &Path) -> Result<Option<String>, RaidError> {
    grub::id(&Machine::new(host), volume)
}

/// The mirror of EFI system partitions beside a volume; it is made where it is missing.
///
/// # Errors
/// When a disk of the volume has no room for one.
pub(crate) fn esp_mirror(host: &Host, volume: &Path) -> Result<EspMirror, RaidError> {
    let volume = std::fs::canonicalize(volume).unwrap_or_else(|_| volume.to_owned());
    esp::prepare(&Machine::new(host), &volume)
}
