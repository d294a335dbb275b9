//! Which programs of the image run with which arguments, and what becomes of its files.

use std::path::PathBuf;

use super::GrubError;
use super::files::{for_dracut, for_fstab};
use super::partition::Ids;
use crate::run::RunError;

/// Where the EFI system partition is mounted below the root.
pub(super) const ESP_PLACE: &str = "boot/efi";
const FSTAB: &str = "etc/fstab";
const DEFAULTS: &str = "etc/default/grub";
const PROGRAMS: [&str; 3] = ["usr/sbin", "usr/bin", "sbin"];

/// The ramdisk may have been started by other firmware than the system will be.
const BIOS_TARGET: &str = "--target=i386-pc";
#[cfg(target_arch = "aarch64")]
const UEFI_TARGET: &str = "--target=arm64-efi";
#[cfg(not(target_arch = "aarch64"))]
const UEFI_TARGET: &str = "--target=x86_64-efi";

/// What a system gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Where GRUB goes for BIOS.
    pub(super) disks: Vec<PathBuf>,
    /// Where it goes for UEFI.
    pub(super) esp: Option<Ids>,
    /// Of the RAID volume that the system is on.
    pub(super) volume_id: Option<String>,
}

/// A system whose programs can be run. Paths are below its root, and have no slash before them.
pub(super) trait System {
    fn has(&self, path: &str) -> bool;

    /// What a text file has; nothing where there is none.
    fn read(&self, path: &str) -> Result<String, GrubError>;

    fn append(&self, path: &str, text: &str) -> Result<(), GrubError>;

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), RunError>;
}

/// Nothing of it harms when it is done twice.
pub(super) fn set_up(system: &impl System, plan: &Plan) -> Result<(), GrubError> {
    let has_program = |name: &str| {
        let mut paths = PROGRAMS.iter().map(|place| format!("{place}/{name}"));
        paths.any(|path| system.has(&path))
    };
    let mut names = ["grub2", "grub"].into_iter();
    let name = names.find(|name| has_program(&format!("{name}-install")));
    let name = name.ok_or(GrubError::NoGrub)?;
    let install = format!("{name}-install");
    for arguments in installs(plan) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        system.run(&install, &arguments)?;
    }
    if let Some(id) = &plan.volume_id
        && has_program("dracut")
        && let Some(addition) = for_dracut(&system.read(DEFAULTS)?, id)
    {
        system.append(DEFAULTS, &addition)?;
    }
    let configuration = format!("/boot/{name}/grub.cfg");
    system.run(&format!("{name}-mkconfig"), &["-o", &configuration])?;
    if let Some(esp) = &plan.esp
        && let Some(addition) = for_fstab(&system.read(FSTAB)?, esp)
    {
        system.append(FSTAB, &addition)?;
    }
    Ok(())
}

/// The arguments of each run of `grub-install`. Boot entries are made by the agent, so the system leaves them alone.
fn installs(plan: &Plan) -> Vec<Vec<String>> {
    if plan.esp.is_some() {
        let directory = format!("--efi-directory=/{ESP_PLACE}");
        let arguments = vec![UEFI_TARGET.to_owned(), directory, "--no-nvram".to_owned()];
        let removable = [&arguments[..], &["--removable".to_owned()]].concat();
        return vec![arguments, removable];
    }
    let disks = plan.disks.iter();
    disks
        .map(|disk| vec![BIOS_TARGET.to_owned(), disk.display().to_string()])
        .collect()
}
