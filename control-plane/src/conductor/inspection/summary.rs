//! What was found, in one line for the timeline.

use super::hooks::root_device::GIB;
use ferric_agent_protocol::inventory::Inventory;

const MIB: u64 = 1 << 20;

pub(super) fn memory_mb(inventory: &Inventory) -> Option<u64> {
    let managed = || inventory.memory.total.map(|bytes| bytes / MIB);
    inventory
        .memory
        .physical_mb
        .filter(|mb| *mb > 0)
        .or_else(managed)
}

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
