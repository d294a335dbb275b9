//! Properties from the inventory: what schedulers ask for.

use ferric_agent_protocol::hints::{DiskFacts, RootDeviceHints, root_device};
use ferric_agent_protocol::inventory::{Disk, Inventory};
use ferric_model::node::{Node, Object};
use serde_json::json;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// `cpu_arch`, `cpus`, `memory_mb` and `local_gb`, as far as they were found. One GiB of the root disk is left out, as in
/// Ironic, for partitioning.
pub(super) fn read(node: &Node, inventory: &Inventory, root_disk: Option<&Disk>) -> Object {
    let mut properties = Object::new();
    if let Some(architecture) = inventory
        .cpu
        .architecture
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        properties.insert("cpu_arch".to_owned(), json!(architecture));
    }
    if inventory.cpu.count > 0 {
        properties.insert("cpus".to_owned(), json!(inventory.cpu.count));
    }
    if let Some(memory_mb) = memory_mb(inventory) {
        properties.insert("memory_mb".to_owned(), json!(memory_mb));
    }
    let root = chosen(node, inventory).or_else(|| root_disk.cloned());
    if let Some(local_gb) = root
        .map(|disk| (disk.size / GIB).saturating_sub(1))
        .filter(|gb| *gb > 0)
    {
        properties.insert("local_gb".to_owned(), json!(local_gb));
    }
    properties
}

fn memory_mb(inventory: &Inventory) -> Option<u64> {
    let managed = || inventory.memory.total.map(|bytes| bytes / MIB);
    inventory
        .memory
        .physical_mb
        .filter(|mb| *mb > 0)
        .or_else(managed)
}

/// The disk that a deploy would choose. Hints that fit nothing are for the deploy to complain about.
fn chosen(node: &Node, inventory: &Inventory) -> Option<Disk> {
    let disks: Vec<DiskFacts> = inventory
        .disks
        .iter()
        .cloned()
        .map(DiskFacts::from)
        .collect();
    let hints = node
        .properties
        .get("root_device")
        .map(RootDeviceHints::parse);
    let hints = hints.transpose().ok()?;
    root_device(&disks, hints.as_ref())
        .ok()
        .map(|facts| facts.disk.clone())
}

/// One line for the timeline.
pub(super) fn summary(inventory: &Inventory) -> String {
    let disks: Vec<String> = inventory
        .disks
        .iter()
        .map(|disk| format!("{} {} GiB", disk.name, disk.size / GIB))
        .collect();
    format!(
        "{} CPUs ({}), {} MiB of memory, {} network interfaces, disks: {}",
        inventory.cpu.count,
        inventory.cpu.architecture.as_deref().unwrap_or("unknown"),
        memory_mb(inventory).unwrap_or(0),
        inventory.interfaces.len(),
        if disks.is_empty() {
            "none".to_owned()
        } else {
            disks.join(", ")
        }
    )
}
