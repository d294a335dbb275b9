//! `image.install_bootloader` for whole-disk images: the firmware learns where the boot loader is.
//!
//! Nothing of the image is ever executed. Under BIOS the image's own MBR boots; under UEFI a boot entry is made for
//! each loader found on the EFI system partition, after entries with the same label are deleted: some firmware
//! breaks when it is done the other way round.

mod entries;
mod esp;
mod loaders;
mod nvram;

use std::io::ErrorKind;
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
pub use nvram::{Patterns, PatternsError, RemovedEntry, remove_entries};

/// There when the running system was started by UEFI.
const EFI_FIRMWARE: &str = "/sys/firmware/efi";

/// The id of a disk whose MBR has none, as a GPT disk's.
const NO_DISK_ID: &str = "0x00000000";

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
    #[error(
        "the ramdisk was not started by UEFI, so the firmware's boot entries cannot be reached"
    )]
    NotUefi,
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Makes the firmware boot from the disk that was written.
///
/// # Errors
/// Under UEFI, when there is no EFI system partition or the firmware does not take an entry. That there is no boot
/// loader to be found, or no efibootmgr, is none when the image has no root file system to be found by its id.
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
    match install_entries(device, wanted) {
        Err(error) if error.leaves_a_disk_that_may_boot(wanted) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no boot entry was made; the firmware is left to find the boot loader"
            );
            Ok(())
        }
        outcome => outcome,
    }
}

impl BootloaderError {
    /// Of a whole-disk image without a root file system to set up, Ironic's agent expects no more than an EFI system
    /// partition.
    fn leaves_a_disk_that_may_boot(&self, wanted: &InstallBootloader) -> bool {
        let is_whole_disk = matches!(wanted.root_uuid.as_deref(), None | Some("" | NO_DISK_ID));
        let is_bearable = match self {
            Self::Esp { source, .. } => matches!(source, EspError::NoLoader),
            Self::Run(RunError::Start { source, .. }) => source.kind() == ErrorKind::NotFound,
            _ => false,
        };
        is_whole_disk && is_bearable
    }
}

fn install_entries(device: &Path, wanted: &InstallBootloader) -> Result<(), BootloaderError> {
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

    #[test]
    fn only_a_missing_loader_or_program_may_be_left_and_only_on_a_whole_disk() {
        let path = PathBuf::from("/dev/sda");
        let of_program = |kind: ErrorKind| {
            BootloaderError::Run(RunError::Start {
                command: "efibootmgr -v".to_owned(),
                source: kind.into(),
            })
        };
        let no_loader = BootloaderError::Esp {
            path: path.clone(),
            source: EspError::NoLoader,
        };
        let by_id = |root_uuid: Option<&str>| InstallBootloader {
            root_uuid: root_uuid.map(str::to_owned),
            ..wanted(Some("uefi"))
        };
        let nothing = by_id(None);
        assert!(no_loader.leaves_a_disk_that_may_boot(&nothing));
        assert!(no_loader.leaves_a_disk_that_may_boot(&by_id(Some("0x00000000"))));
        assert!(!no_loader.leaves_a_disk_that_may_boot(&by_id(Some("0x1234abcd"))));
        assert!(of_program(ErrorKind::NotFound).leaves_a_disk_that_may_boot(&nothing));
        assert!(!of_program(ErrorKind::PermissionDenied).leaves_a_disk_that_may_boot(&nothing));
        assert!(!BootloaderError::NoEsp { path }.leaves_a_disk_that_may_boot(&nothing));
    }
}
