//! GRUB as an image brings it, for disks that no firmware boots otherwise: of partition images, and RAID volumes under
//! BIOS. Off unless `enable_bios_bootloader_install` is set.
//!
//! The only place where programs of a system image run. They are root, and see the disks; they are kept from the network,
//! from the boot entries of the firmware and from what lies in `/run`, and none of them outlives its turn. That is no
//! sandbox: whoever sets the option trusts the images.
//!
//! `plan` says what is done and is pure but for the `System` that it asks; `chroot` is that of this machine.

mod chroot;
mod files;
mod partition;
mod plan;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::boot::BootMode;
use ferric_agent_protocol::params::InstallBootloader;
use thiserror::Error;

use crate::disk::bootloader::{self, BootloaderError};
use crate::disk::raid::{self, RaidError};
use crate::disk::settle::settle;
use crate::host::{Host, HostRefusal, SystemPermit};
use crate::image::Stop;
use crate::inject::{InjectError, Mounted, beneath, in_namespace};
use crate::run::RunError;
use chroot::Chroot;
use plan::{ESP_PLACE, Plan};

#[derive(Debug, Error)]
pub enum GrubError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Bootloader(#[from] BootloaderError),
    #[error(transparent)]
    Raid(#[from] RaidError),
    #[error(transparent)]
    System(#[from] InjectError),
    #[error(
        "{device} has no partition with the id {id}, which is to be that of the root file system"
    )]
    NoRoot { device: PathBuf, id: String },
    #[error(
        "the image has neither grub-install nor grub2-install; use an image with GRUB for the node's boot mode, or a whole-disk image"
    )]
    NoGrub,
    #[error("mounting {at} for the programs of the image")]
    Mount {
        at: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Program(#[from] RunError),
}

/// What is to boot.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub device: &'a Path,
    /// Of the root's file system, or of its partition.
    pub root_id: &'a str,
    pub mode: BootMode,
    pub wanted: &'a InstallBootloader,
    pub stop: &'a Stop,
}

/// Has the system on a disk install its own GRUB, and write its configuration.
///
/// # Errors
/// When the system is not found, has no GRUB, or its programs fail. Nothing stays mounted.
pub fn install(
    host: &Host,
    _permit: &SystemPermit,
    request: &Request<'_>,
) -> Result<(), GrubError> {
    settle();
    let root = partition::with_id(host, request.device, request.root_id)?;
    let (plan, esp) = plan(host, request)?;
    in_namespace(|| {
        let mounted = Mounted::with_programs(host, &root)?;
        let done = within(mounted.root(), &plan, esp.as_deref(), request.stop);
        let unmounted = mounted.detach();
        if let (Err(_), Err(error)) = (&done, &unmounted) {
            let error = error as &dyn StdError;
            tracing::warn!(error, "unmounting a system whose GRUB was not installed");
        }
        done.and(unmounted.map_err(GrubError::from))
    })
}

/// What is done, and the node of the EFI system partition that it needs.
fn plan(host: &Host, request: &Request<'_>) -> Result<(Plan, Option<PathBuf>), GrubError> {
    let device = request.device;
    let is_volume = raid::is_volume(host, device);
    let volume_id = if is_volume {
        raid::volume_id(host, device)?
    } else {
        None
    };
    let (disks, esp) = match request.mode {
        BootMode::Uefi => {
            let esp = bootloader::esp_node(device, request.wanted)?;
            host.permits_device(&esp)?;
            (Vec::new(), Some(esp))
        }
        BootMode::Bios if is_volume => (raid::disks_for_grub(host, device)?, None),
        BootMode::Bios => (vec![host.permits_device(device)?.path().to_owned()], None),
    };
    let plan = Plan {
        disks,
        esp: esp.as_deref().map(partition::ids),
        volume_id,
    };
    Ok((plan, esp))
}

/// Below the mounted root.
fn within(root: &OwnedFd, plan: &Plan, esp: Option<&Path>, stop: &Stop) -> Result<(), GrubError> {
    for mount in chroot::mounts(esp) {
        chroot::attach(root, &mount)?;
    }
    plan::set_up(&Chroot { root, stop }, plan)?;
    if esp.is_some() {
        beneath::sync(root, ESP_PLACE)?;
    }
    Ok(())
}
