//! The inventory of the machine, read from what the kernel and the firmware publish; no program is executed.
//!
//! Two keys of an interface are null here: `lldp`, which `inspection::lldp` adds where it is wanted, and `biosdevname`,
//! which Ironic's agent takes from a program of that name. The kernel keeps no such name, and on systems without that
//! program it is null there too.

mod boot;
mod cpu;
mod memory;
mod pci;
pub(crate) mod smbios;
mod vendor;

use ferric_agent_protocol::inventory::Inventory;

pub use pci::pci_devices;

use crate::disk::{self, DiskError};
use crate::host::Host;
use crate::ipmi::{BmcAddresses, bmc_addresses};
use crate::network::list_interfaces_in;
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
    let (proc, sys) = (host.tree().path("proc"), host.tree().path("sys"));
    let smbios = Smbios::read(&sys.join("firmware/dmi/tables/DMI"));
    // Listing the disks waits for udev, which also loads the driver of the BMC's device.
    let disks = disk::list_block_devices(host).map_err(InventoryError::Disks)?;
    let bmc = match detection {
        BmcDetection::Ask => bmc_addresses(),
        BmcDetection::Skip => BmcAddresses::default(),
    };
    let interfaces = list_interfaces_in(&sys.join("class/net"));
    Ok(Inventory {
        interfaces: interfaces.map_err(InventoryError::Interfaces)?,
        cpu: cpu::read(&proc, &sys),
        disks,
        memory: memory::read(&proc, &sys, &smbios),
        bmc_address: bmc.v4,
        bmc_v6address: bmc.v6,
        system_vendor: vendor::read(&smbios, &sys.join("class/dmi/id")),
        boot: boot::read(&sys, bootif),
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
