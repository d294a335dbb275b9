//! `image.install_bootloader` for whole-disk images: the firmware learns where the boot loader is.
//!
//! Nothing of the image is ever executed. Under BIOS the image's own MBR boots; under UEFI a boot entry is made for
//! each loader found on the EFI system partition, after entries with the same label are deleted: some firmware
//! breaks when it is done the other way round.

mod entries;
mod esp;
mod loaders;

use std::path::{Path, PathBuf};

use ferric_agent_protocol::params::InstallBootloader;
use thiserror::Error;

use super::DiskError;
use super::settle::settle;
use crate::host::{Host, HostRefusal};
use crate::run::{RunError, run};
use esp::Esp;
pub use esp::EspError;
use loaders::Loader;

/// There when the running system was started by UEFI.
const EFI_FIRMWARE: &str = "/sys/firmware/efi";

#[derive(Debug, Error)]
pub enum BootloaderError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "{path} has no EFI system partition; use an image that boots by UEFI, or set the node's boot mode to bios"
    )]
    NoEsp { path: PathBuf },
    #[error("reading the EFI system partition of {path}")]
    Esp {
        path: PathBuf,
        #[source]
        source: EspError,
    },
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Makes the firmware boot from the disk that was written.
///
/// # Errors
/// Under UEFI, when there is no EFI system partition or the firmware does not take an entry.
pub fn install(
    host: &Host,
    device: &Path,
    wanted: &InstallBootloader,
) -> Result<(), BootloaderError> {
    if wanted.target_boot_mode.as_deref() != Some("uefi") {
        return Ok(()); // The image's own boot code is where BIOS looks for it.
    }
    host.permits_boot_entries()?;
    settle();
    let esp = Esp::find(device, wanted.efi_system_part_uuid.as_deref())?;
    let esp = esp.ok_or_else(|| BootloaderError::NoEsp {
        path: device.to_owned(),
    })?;
    let failed = |source| BootloaderError::Esp {
        path: device.to_owned(),
        source,
    };
    let loaders = esp.loaders().map_err(failed)?;
    if !Path::new(EFI_FIRMWARE).exists() {
        // The firmware will look for the fallback loader by itself.
        tracing::warn!("the ramdisk was not started by UEFI, so no boot entry can be made");
        return Ok(());
    }
    create_entries(device, esp.partition_number(), &loaders)
}

fn create_entries(
    device: &Path,
    partition: u32,
    loaders: &[Loader],
) -> Result<(), BootloaderError> {
    let shown = run("efibootmgr", &["-v"])?;
    let existing = entries::parse(&shown.stdout);
    for entry in existing
        .iter()
        .filter(|entry| loaders.iter().any(|loader| loader.label == entry.label))
    {
        run("efibootmgr", &["-b", &entry.number, "-B"])?;
    }
    let (device, partition) = (device.to_string_lossy(), partition.to_string());
    // Each new entry goes to the front of the boot order, so the preferred one is made last.
    for Loader { path, label } in loaders.iter().rev() {
        run(
            "efibootmgr",
            &[
                "-v", "-c", "-d", &device, "-p", &partition, "-w", "-L", label, "-l", path,
            ],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(boot_mode: Option<&str>) -> InstallBootloader {
        InstallBootloader {
            target_boot_mode: boot_mode.map(str::to_owned),
            ..InstallBootloader::default()
        }
    }

    #[test]
    fn an_ordinary_host_keeps_its_boot_entries_and_bios_has_none() {
        let host = Host::detect(&[]).unwrap();
        let nowhere = Path::new("/dev/no-such-disk");
        for mode in [None, Some("bios")] {
            install(&host, nowhere, &wanted(mode)).unwrap();
        }
        let error = install(&host, nowhere, &wanted(Some("uefi")))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("changing boot entries is refused"),
            "{error}"
        );
    }
}
