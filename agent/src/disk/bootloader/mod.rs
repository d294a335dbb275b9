//! `image.install_bootloader`: the firmware learns where the boot loader is.
//!
//! On a RAID volume the EFI system partition of the image goes to the mirror that lies on the disks of the volume, and
//! each of them gets an entry.
//!
//! Nothing of the image is executed here; `grub` does that, where it is wanted. Under BIOS the image's own MBR boots;
//! under UEFI a boot entry is made for each loader found on the EFI system partition, after entries with the same label
//! are deleted: some firmware breaks when it is done the other way round.

mod entries;
mod esp;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod loaders;
mod nvram;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ferric_agent_protocol::boot::BootMode;
use ferric_agent_protocol::params::InstallBootloader;
use thiserror::Error;

use super::DiskError;
use super::multipath::disk_of_firmware;
use super::open::OpenDisk;
use super::partitions::partition_node;
use super::raid::{self, RaidError};
use super::settle::settle;
use crate::host::{Host, HostRefusal};
use crate::run::{RunError, run};
use entries::Entry;
use esp::Esp;
pub use esp::EspError;
use loaders::Loader;
pub use nvram::{Patterns, PatternsError, RemovedEntry, remove_entries};

/// There when the running system was started by UEFI.
const EFI_FIRMWARE: &str = "/sys/firmware/efi";

/// What the device path of an entry on a disk has in it.
const ON_DISK: &str = "HD(";

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
    #[error(transparent)]
    Raid(#[from] RaidError),
    #[error(
        "{path} is a RAID volume, and BIOS knows nothing of RAID; set the node's boot mode to uefi and create the RAID configuration again"
    )]
    BiosOnRaid { path: PathBuf },
}

/// How the ramdisk itself was started.
pub(crate) fn firmware() -> BootMode {
    if Path::new(EFI_FIRMWARE).exists() {
        BootMode::Uefi
    } else {
        BootMode::Bios
    }
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
    if boot_mode(wanted, firmware()) == BootMode::Bios {
        if raid::is_volume(host, device) {
            return Err(BootloaderError::BiosOnRaid {
                path: device.to_owned(),
            });
        }
        return Ok(()); // The image's own boot code is where BIOS looks for it.
    }
    host.permits_boot_entries()?;
    settle();
    match install_entries(host, device, wanted) {
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

/// Who does not say how the machine is to boot means it to boot as the ramdisk did.
pub(crate) fn boot_mode(wanted: &InstallBootloader, firmware: BootMode) -> BootMode {
    match wanted.target_boot_mode.as_deref() {
        Some("uefi") => BootMode::Uefi,
        Some("bios") => BootMode::Bios,
        Some(_) | None => firmware,
    }
}

impl BootloaderError {
    /// Of a whole-disk image without a root file system to set up, Ironic's agent expects no more than an EFI system
    /// partition.
    fn leaves_a_disk_that_may_boot(&self, wanted: &InstallBootloader) -> bool {
        let is_whole_disk = matches!(wanted.root_uuid.as_deref(), None | Some("" | NO_DISK_ID));
        is_whole_disk && (self.is_missing_loader() || self.is_missing_program())
    }

    /// Whether there is nothing that the firmware could be told of.
    pub(crate) fn is_missing_loader(&self) -> bool {
        matches!(
            self,
            Self::Esp {
                source: EspError::NoLoader,
                ..
            }
        )
    }

    /// Whether the ramdisk has no program to tell the firmware.
    pub(crate) fn is_missing_program(&self) -> bool {
        matches!(self, Self::Run(RunError::Start { source, .. }) if source.kind() == ErrorKind::NotFound)
    }
}

/// The node of the EFI system partition of a disk.
pub(crate) fn esp_node(
    device: &Path,
    wanted: &InstallBootloader,
) -> Result<PathBuf, BootloaderError> {
    let esp = Esp::find(device, wanted.efi_system_part_uuid.as_deref())?;
    let node = esp.and_then(|esp| partition_node(device, esp.partition_number()));
    node.ok_or_else(|| BootloaderError::NoEsp {
        path: device.to_owned(),
    })
}

/// An EFI system partition that the firmware is told of.
struct Place {
    disk: PathBuf,
    partition: u32,
    /// Keeps the labels of several apart.
    suffix: String,
}

fn install_entries(
    host: &Host,
    device: &Path,
    wanted: &InstallBootloader,
) -> Result<(), BootloaderError> {
    let esp = Esp::find(device, wanted.efi_system_part_uuid.as_deref())?;
    let esp = esp.ok_or_else(|| BootloaderError::NoEsp {
        path: device.to_owned(),
    })?;
    if raid::is_volume(host, device) {
        return install_mirrored(host, device, &esp);
    }
    let loaders = esp.loaders().map_err(failed(device))?;
    let place = Place {
        disk: disk_of_firmware(host, device)?,
        partition: esp.partition_number(),
        suffix: String::new(),
    };
    create_entries(&[place], &loaders)
}

fn failed(device: &Path) -> impl FnOnce(EspError) -> BootloaderError {
    let path = device.to_owned();
    move |source| BootloaderError::Esp { path, source }
}

/// The image's own partition is cleared at the end: the deployed system finds the mirror by the same id.
fn install_mirrored(host: &Host, device: &Path, esp: &Esp) -> Result<(), BootloaderError> {
    // By a run before this one. What is merely damaged is an error: the mirror may be that of an older system.
    let own_loaders = if esp.is_cleared()? {
        None
    } else {
        // What cannot be read is found out before the disks of the volume are written.
        Some(esp.loaders().map_err(failed(device))?)
    };
    let mirror = raid::esp_mirror(host, device)?;
    let loaders = if let Some(loaders) = own_loaders {
        let target = OpenDisk::open(&host.permits_device(&mirror.device)?)?;
        esp.copy_to(&target).map_err(failed(&mirror.device))?;
        loaders
    } else {
        let copied = Esp::whole(&mirror.device)?;
        copied.loaders().map_err(failed(&mirror.device))?
    };
    let places = (0..)
        .zip(mirror.places)
        .map(|(index, (disk, partition))| Place {
            disk,
            partition,
            suffix: format!(" (RAID, part{index})"),
        });
    create_entries(&places.collect::<Vec<_>>(), &loaders)?;
    esp.clear(&OpenDisk::open(&host.permits_device(device)?)?)?;
    Ok(())
}

fn create_entries(places: &[Place], loaders: &[Loader]) -> Result<(), BootloaderError> {
    if !Path::new(EFI_FIRMWARE).exists() {
        // The firmware will look for the fallback loader by itself.
        tracing::warn!("the ramdisk was not started by UEFI, so no boot entry can be made");
        return Ok(());
    }
    let shown = run("efibootmgr", &["-v"])?;
    let wanted = entries_of(places, loaders);
    for old in replaced(entries::parse(&shown.stdout), &wanted) {
        run("efibootmgr", &["-b", &old.number, "-B"])?;
    }
    // Each new entry goes to the front of the boot order, so the preferred one is made last.
    for entry in wanted.iter().rev() {
        let (disk, partition) = (entry.disk.to_string_lossy(), entry.partition.to_string());
        run(
            "efibootmgr",
            &[
                "-v",
                "-c",
                "-d",
                &disk,
                "-p",
                &partition,
                "-w",
                "-L",
                &entry.label,
                "-l",
                entry.loader,
            ],
        )?;
    }
    Ok(())
}

/// The entries that the new ones stand for: those with a label of theirs, but only on disks. An image chooses its label,
/// and must not take the machine's way to the network away.
fn replaced(entries: Vec<Entry>, wanted: &[Wanted<'_>]) -> Vec<Entry> {
    let is_replaced = |old: &Entry| {
        let has_label = wanted.iter().any(|entry| entry.label == old.label);
        has_label && old.path.contains(ON_DISK)
    };
    entries.into_iter().filter(is_replaced).collect()
}

/// A boot entry that is to be.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    disk: &'a Path,
    partition: u32,
    label: String,
    loader: &'a str,
}

/// The entries in the order in which they are to be tried.
fn entries_of<'a>(places: &'a [Place], loaders: &'a [Loader]) -> Vec<Wanted<'a>> {
    let at = |place: &'a Place| {
        loaders.iter().map(|loader| Wanted {
            disk: &place.disk,
            partition: place.partition,
            label: format!("{}{}", loader.label, place.suffix),
            loader: &loader.path,
        })
    };
    places.iter().flat_map(at).collect()
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
        install(&host, nowhere, &wanted(Some("bios"))).unwrap();
        let error = install(&host, nowhere, &wanted(Some("uefi")))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("changing boot entries is refused"),
            "{error}"
        );
    }

    #[test]
    fn a_machine_boots_as_it_is_told_else_as_its_ramdisk_did() {
        for firmware in [BootMode::Bios, BootMode::Uefi] {
            for (told, expected) in [
                (Some("bios"), BootMode::Bios),
                (Some("uefi"), BootMode::Uefi),
                (None, firmware),
            ] {
                assert_eq!(boot_mode(&wanted(told), firmware), expected, "{told:?}");
            }
        }
    }

    #[test]
    fn each_disk_of_a_volume_gets_entries_of_its_own() {
        let place = |disk: &str, index| Place {
            disk: PathBuf::from(disk),
            partition: 2,
            suffix: format!(" (RAID, part{index})"),
        };
        let places = [place("/dev/sda", 0), place("/dev/sdb", 1)];
        let loaders = [Loader {
            path: "\\EFI\\debian\\shimx64.efi".to_owned(),
            label: "debian".to_owned(),
        }];
        let wanted = entries_of(&places, &loaders);
        let told = wanted
            .iter()
            .map(|entry| (entry.disk, entry.label.as_str()));
        let expected = [
            (Path::new("/dev/sda"), "debian (RAID, part0)"),
            (Path::new("/dev/sdb"), "debian (RAID, part1)"),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert!(wanted.iter().all(|entry| entry.partition == 2));
    }

    #[test]
    fn an_image_replaces_entries_on_disks_alone() {
        let shown = b"Boot0001* debian\tHD(1,GPT,6f1c)/File(\\EFI\\debian\\shimx64.efi)\n\
            Boot0002* UEFI PXEv4\tPciRoot(0x0)/Pci(0x2,0x0)/MAC(525400000001,1)/IPv4(0.0.0.0)\n\
            Boot0003* other\tHD(1,GPT,6f1c)/File(\\EFI\\other\\shimx64.efi)\n\
            Boot0004* debian\tPciRoot(0x0)/Pci(0x1,0x0)/HD(1,GPT,77aa)/File(\\EFI\\x.efi)\n";
        let wanted = |label: &str| Wanted {
            disk: Path::new("/dev/sda"),
            partition: 1,
            label: label.to_owned(),
            loader: "\\EFI\\debian\\shimx64.efi",
        };
        let wanted = [wanted("debian"), wanted("UEFI PXEv4")];
        let replaced = replaced(entries::parse(shown), &wanted);
        let numbers: Vec<_> = replaced.iter().map(|old| old.number.as_str()).collect();
        assert_eq!(numbers, ["0001", "0004"]);
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
