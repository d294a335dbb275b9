//! The inventory of the machine, read from what the kernel and the firmware publish; no program is executed.

mod boot;
mod cpu;
mod memory;
mod pci;
mod smbios;
mod vendor;

use std::path::Path;

use ferric_agent_protocol::inventory::Inventory;

pub use pci::pci_devices;

use crate::disk::{self, DiskError};
use crate::host::Host;
use crate::network::list_interfaces;
use smbios::Smbios;

/// Why there is no inventory. Parts that are merely unknown are null instead.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("listing the network interfaces")]
    Interfaces(#[source] std::io::Error),
    #[error("listing the disks")]
    Disks(#[source] DiskError),
}

/// Collects everything. Takes a while on machines with many disks: not for an async thread.
///
/// # Errors
/// When interfaces or disks cannot be listed.
pub fn collect(host: &Host, bootif: Option<&str>) -> Result<Inventory, InventoryError> {
    let smbios = Smbios::read(Path::new("/sys/firmware/dmi/tables/DMI"));
    if Path::new("/dev/ipmi0").exists() {
        tracing::info!("there is a BMC, but its address is not read yet");
    }
    Ok(Inventory {
        interfaces: list_interfaces().map_err(InventoryError::Interfaces)?,
        cpu: cpu::read(Path::new("/proc"), Path::new("/sys")),
        disks: disk::list_block_devices(host).map_err(InventoryError::Disks)?,
        memory: memory::read(Path::new("/proc"), Path::new("/sys"), &smbios),
        bmc_address: None,
        bmc_v6address: None,
        system_vendor: vendor::read(&smbios, Path::new("/sys/class/dmi/id")),
        boot: boot::read(Path::new("/sys"), bootif),
        hostname: hostname(),
        bmc_mac: None,
    })
}

/// The name of the running system.
#[must_use]
pub fn hostname() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?;
    Some(name.to_string_lossy().into_owned())
}

/// The text of a file without the blanks around it; `None` if there is none.
fn text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
