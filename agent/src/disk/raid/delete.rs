//! Deleting volumes, and every trace of RAID on the disks.
//!
//! A volume on the node's skip list stays, with the volume of the EFI system partitions beside it; of other volumes on
//! the same disks only the content goes, because their partitions cannot go without the kept one's table.

use std::path::{Path, PathBuf};

use ferric_agent_protocol::node::Node;

use super::bench::{Assembly, Bench};
use super::error::RaidError;
use super::standing::{Kept, Named, named};
use crate::run::RunError;

const PASSES: usize = 2;
/// udev looks at a volume that was written, and one that is looked at cannot be stopped.
const STOP_ATTEMPTS: usize = 5;

/// What becomes of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    /// It stays, without what is on it.
    Emptied,
    Goes,
}

pub(super) fn delete(bench: &impl Bench, node: &Node) -> Result<(), RaidError> {
    bench.assemble(Assembly::All);
    for _ in 0..PASSES {
        pass(bench, node)?;
        // What was left on the disks may come back.
        bench.assemble(Assembly::All);
        if remaining(bench, node)?.is_empty() {
            return Ok(());
        }
    }
    Err(RaidError::Remaining {
        volumes: remaining(bench, node)?.join(", "),
    })
}

fn remaining(bench: &impl Bench, node: &Node) -> Result<Vec<String>, RaidError> {
    let arrays = named(bench)?;
    let kept = Kept::of(bench, node, &arrays)?;
    let left = arrays.iter().filter(|one| fate(one, &kept) == Fate::Goes);
    let left = left.map(|one| one.array.device.display().to_string());
    Ok(left.collect())
}

fn fate(one: &Named, kept: &Kept) -> Fate {
    if kept.spares(one) {
        Fate::Stays
    } else if one.array.shares_a_disk(&kept.disks) {
        Fate::Emptied
    } else {
        Fate::Goes
    }
}

fn pass(bench: &impl Bench, node: &Node) -> Result<(), RaidError> {
    let arrays = named(bench)?;
    let kept = Kept::of(bench, node, &arrays)?;
    let mut disks: Vec<PathBuf> = Vec::new();
    for one in &from_the_top(arrays) {
        let device = &one.array.device;
        match fate(one, &kept) {
            Fate::Stays => tracing::info!(?device, "a RAID volume is kept"),
            Fate::Emptied => {
                bench.check(device)?;
                bench.clear(device)?;
            }
            Fate::Goes => {
                remove(bench, one)?;
                disks.extend(one.array.disks());
            }
        }
    }
    for facts in bench.disks(node)? {
        if !kept.is_on(&facts) {
            forget(bench, Path::new(&facts.disk.name))?;
        }
    }
    disks.sort();
    disks.dedup();
    for disk in &disks {
        bench.clear(disk)?;
    }
    Ok(())
}

/// A volume that others stand on can be taken apart only after those.
fn from_the_top(mut arrays: Vec<Named>) -> Vec<Named> {
    let mut sorted = Vec::new();
    while !arrays.is_empty() {
        let carries_none = |one: &Named| {
            let device = &one.array.device;
            !arrays.iter().any(|other| other.array.stands_on(device))
        };
        let at = arrays.iter().position(carries_none).unwrap_or(0);
        sorted.push(arrays.remove(at));
    }
    sorted
}

/// Takes a volume apart. A volume that does not run has no content that could be cleared.
fn remove(bench: &impl Bench, one: &Named) -> Result<(), RaidError> {
    let device = &one.array.device;
    for disk in one.array.disks() {
        bench.check(&disk)?;
        bench.check_content(&disk)?;
    }
    bench.check(device)?;
    bench.announce(device);
    if !one.array.level.is_empty() {
        bench.clear(device)?;
    }
    stop(bench, device)?;
    for component in &one.array.components {
        bench.mdadm(&["--zero-superblock", &component.node.to_string_lossy()])?;
    }
    Ok(())
}

fn stop(bench: &impl Bench, device: &Path) -> Result<(), RunError> {
    let device = device.to_string_lossy();
    let mut stopped = bench.mdadm(&["--stop", &device]);
    for _ in 1..STOP_ATTEMPTS {
        if stopped.is_ok() {
            break;
        }
        bench.settle();
        stopped = bench.mdadm(&["--stop", &device]);
    }
    stopped.map(|_| ())
}

/// Takes what mdadm left of older volumes off a disk and its partitions.
fn forget(bench: &impl Bench, disk: &Path) -> Result<(), RaidError> {
    let mut devices = bench.partitions(disk);
    devices.push(disk.to_owned());
    for device in devices {
        let text = device.to_string_lossy();
        match bench.mdadm(&["--examine", &text]) {
            // It has nothing that mdadm knows.
            Err(RunError::Failed { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                bench.check(&device)?;
                bench.announce(&device);
                // mdadm takes a partition table for something of its own, and finds nothing to take off.
                if let Err(error) = bench.mdadm(&["--zero-superblock", &text]) {
                    tracing::info!(
                        error = &error as &dyn std::error::Error,
                        "taking RAID off a disk"
                    );
                }
            }
        }
    }
    Ok(())
}
