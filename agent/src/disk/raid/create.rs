//! Making volumes: partition tables on the disks, and mdadm for the volumes of them.

use std::path::PathBuf;

use ferric_agent_protocol::boot::BootMode;
use ferric_agent_protocol::node::Node;

use super::bench::{Assembly, Bench};
use super::config::RaidConfig;
use super::delete::delete;
use super::error::RaidError;
use super::layout::{ArrayPlan, Boot, Layout, plan};
use super::standing::{Kept, Named, named};

/// How often a member that mdadm left out is added.
const ADD_ATTEMPTS: usize = 3;

/// Makes the volumes. Everything that can be refused is refused before a disk is written.
pub(super) fn create(
    bench: &impl Bench,
    node: &Node,
    config: &RaidConfig,
    firmware: BootMode,
) -> Result<(), RaidError> {
    let Some(layout) = planned(bench, node, config, firmware)? else {
        tracing::info!("the RAID volumes are there already, as one of them is kept");
        return Ok(());
    };
    let mut with_partitions = Vec::new();
    for disk in &layout.disks {
        bench.check(&disk.path)?;
        if bench.has_partitions(&disk.path)? {
            with_partitions.push(disk.path.display().to_string());
        } else {
            bench.check_content(&disk.path)?;
        }
    }
    if !with_partitions.is_empty() {
        return Err(RaidError::Partitions {
            disks: with_partitions.join(", "),
        });
    }
    for disk in &layout.disks {
        bench.write_table(disk)?;
    }
    for array in &layout.arrays {
        make(bench, array)?;
    }
    Ok(())
}

/// The same after all other volumes were deleted, which is not done for volumes that do not fit on the disks.
pub(super) fn replace(
    bench: &impl Bench,
    node: &Node,
    config: &RaidConfig,
    firmware: BootMode,
) -> Result<(), RaidError> {
    planned(bench, node, config, firmware)?;
    delete(bench, node)?;
    create(bench, node, config, firmware)
}

/// What is to be made; nothing where all of it is there already.
fn planned(
    bench: &impl Bench,
    node: &Node,
    config: &RaidConfig,
    firmware: BootMode,
) -> Result<Option<Layout>, RaidError> {
    if !node.skipped_volumes()?.is_empty() {
        // What is to be kept must be seen, and hold its disks.
        bench.assemble(Assembly::All);
    }
    let arrays = named(bench)?;
    let kept = Kept::of(bench, node, &arrays)?;
    if stands_beside_kept(config, &arrays, &kept)? {
        return Ok(None);
    }
    let mut disks = bench.disks(node)?;
    disks.retain(|facts| !kept.is_on(facts));
    let mode = node.boot_mode().unwrap_or(firmware);
    let boot = Boot {
        mode,
        label: node.disk_label(mode),
    };
    let taken: Vec<PathBuf> = arrays.iter().map(|one| one.array.device.clone()).collect();
    Ok(Some(plan(config, &disks, boot, &taken)?))
}

/// Whether there is nothing to make, because a wanted volume is kept and the others were left beside it.
fn stands_beside_kept(
    config: &RaidConfig,
    arrays: &[Named],
    kept: &Kept,
) -> Result<bool, RaidError> {
    let names = config.volumes.iter().filter_map(|one| one.name.as_ref());
    let Some(keeps) = names.clone().find(|name| kept.names.contains(name)) else {
        return Ok(false);
    };
    let is_there = |name: &&String| arrays.iter().any(|one| one.name.as_ref() == Some(*name));
    let missing: Vec<&str> = names
        .filter(|name| !is_there(name))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(true);
    }
    Err(RaidError::BesideKept {
        kept: keeps.clone(),
        missing: missing.join(", "),
    })
}

/// Makes one volume of partitions that are there.
pub(super) fn make(bench: &impl Bench, plan: &ArrayPlan) -> Result<(), RaidError> {
    let nodes = plan.members.iter();
    let nodes = nodes.map(|member| bench.partition(&member.disk, member.number));
    let nodes = nodes.collect::<Result<Vec<PathBuf>, _>>()?;
    let arguments = plan.create_arguments(&nodes);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    bench.mdadm(&arguments)?;
    let array = bench.array(&plan.device)?;
    // Disks of NVMe were seen to be too late for their own volume.
    let is_missing = |node: &&PathBuf| !array.components.iter().any(|one| one.node == **node);
    for node in nodes.iter().filter(is_missing) {
        add(bench, plan, node)?;
    }
    Ok(())
}

fn add(bench: &impl Bench, plan: &ArrayPlan, node: &std::path::Path) -> Result<(), RaidError> {
    let (device, node) = (plan.device.to_string_lossy(), node.to_string_lossy());
    let mut added = bench.mdadm(&["--add", &device, &node]);
    for _ in 1..ADD_ATTEMPTS {
        if added.is_ok() {
            break;
        }
        bench.settle();
        added = bench.mdadm(&["--add", &device, &node]);
    }
    added?;
    Ok(())
}
