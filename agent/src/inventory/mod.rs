//! The inventory of the machine, read from what the kernel and the firmware publish; no program is executed.
//!
//! Two keys of an interface are always null: `lldp`, which the collector of that name has replaced, and `biosdevname`,
//! which Ironic's agent takes from a program of that name. The kernel keeps no such name, and on systems without that
//! program it is null there too.

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
use crate::ipmi::{BmcAddresses, bmc_addresses};
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

/// Whether the BMC is asked for its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BmcDetection {
    Ask,
    /// The conductor knows the BMC anyway: the keys are null.
    Skip,
}

impl BmcDetection {
    #[must_use]
    pub(crate) fn unless(is_skipped: bool) -> Self {
        if is_skipped { Self::Skip } else { Self::Ask }
    }
}

/// Collects everything. Takes a while on machines with many disks: not for an async thread.
///
/// # Errors
/// When interfaces or disks cannot be listed.
pub fn collect(
    host: &Host,
    bootif: Option<&str>,
    detection: BmcDetection,
) -> Result<Inventory, InventoryError> {
    let smbios = Smbios::read(Path::new("/sys/firmware/dmi/tables/DMI"));
    // Listing the disks waits for udev, which also loads the driver of the BMC's device.
    let disks = disk::list_block_devices(host).map_err(InventoryError::Disks)?;
    let bmc = match detection {
        BmcDetection::Ask => bmc_addresses(),
        BmcDetection::Skip => BmcAddresses::default(),
    };
    Ok(Inventory {
        interfaces: list_interfaces().map_err(InventoryError::Interfaces)?,
        cpu: cpu::read(Path::new("/proc"), Path::new("/sys")),
        disks,
        memory: memory::read(Path::new("/proc"), Path::new("/sys"), &smbios),
        bmc_address: bmc.v4,
        bmc_v6address: bmc.v6,
        system_vendor: vendor::read(&smbios, Path::new("/sys/class/dmi/id")),
        boot: boot::read(Path::new("/sys"), bootif),
        hostname: hostname(),
        bmc_mac: bmc.mac,
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
