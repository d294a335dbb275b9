//! `image.install_bootloader`: the machine gets to boot what was written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferric_agent_protocol::boot::BootMode;
use ferric_agent_protocol::lookup::LookupConfig;
use ferric_agent_protocol::params::InstallBootloader;
use serde_json::Value;

use super::failure::{ErrorKind, Failure};
use super::image_failure::not_chosen;
use super::run::{Outcome, Params, Run, arguments, on_thread};
use crate::agent::Agent;
use crate::config::ImageSettings;
use crate::disk::bootloader;
use crate::grub;

const NO_LOADER: &str = "a partition image brings no boot loader that works by itself, and no program of an image is \
    run to install one unless enable_bios_bootloader_install is set; use a whole-disk image, or set \
    ignore_bootloader_failure and boot the node in another way";

/// Tells the firmware where the image's boot loader is, or has the image install one.
pub(super) async fn install(run: &Run, params: Params) -> Outcome {
    let wanted: InstallBootloader = arguments(params)?;
    let ignores = wanted.ignore_bootloader_failure || run.agent.settings.ignore_bootloader_failure;
    let agent = Arc::clone(&run.agent);
    match on_thread(move || install_on_thread(&agent, wanted)).await? {
        Err(failure) if ignores => {
            tracing::warn!(
                details = failure.details,
                "the boot loader failed, which is to be ignored"
            );
            Ok(Value::Null)
        }
        outcome => outcome,
    }
}

fn install_on_thread(agent: &Agent, mut wanted: InstallBootloader) -> Outcome {
    agent.host.permits_disks().map_err(|error| failed(&error))?;
    let (device, partitions) = match agent.written() {
        Some(written) => (written.device, written.partitions),
        None => {
            let disk = agent.root_device(&agent.latest_node());
            let disk = disk.map_err(|error| not_chosen(&error, ErrorKind::CommandExecution))?;
            (PathBuf::from(disk.name), None)
        }
    };
    let is_partition_image = partitions.is_some();
    let of_image = partitions.unwrap_or_default();
    wanted.root_uuid = wanted.root_uuid.or(of_image.root_uuid);
    let may = may_install_grub(&agent.session.config, &agent.settings.images);
    match root_id(&wanted).filter(|_| may) {
        Some(root_id) => install_with_grub(agent, &device, &wanted, root_id),
        None if is_partition_image => Err(Failure::new(ErrorKind::CommandExecution, NO_LOADER)),
        None => {
            let installed = bootloader::install(&agent.host, &device, &wanted);
            installed.map_err(|error| failed(&error))?;
            Ok(Value::Null)
        }
    }
}

/// The boot loader that is there counts; only where there is none does the image install its GRUB.
fn install_with_grub(
    agent: &Agent,
    device: &Path,
    wanted: &InstallBootloader,
    root_id: &str,
) -> Outcome {
    let mode = bootloader::boot_mode(wanted, bootloader::firmware());
    if mode == BootMode::Uefi {
        match bootloader::install(&agent.host, device, wanted) {
            Ok(()) => return Ok(Value::Null),
            Err(error) if error.is_missing_loader() || error.is_missing_program() => {
                let error = &error as &dyn std::error::Error;
                tracing::info!(error, "the image is to install its GRUB");
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    let permit = agent.host.permits_programs_of_images();
    let permit = permit.map_err(|error| failed(&error))?;
    let request = grub::Request {
        device,
        root_id,
        mode,
        wanted,
        stop: &agent.stop_writing,
    };
    let installed = grub::install(&agent.host, &permit, &request);
    installed.map_err(|error| failed(&error))?;
    if mode == BootMode::Uefi {
        match bootloader::install(&agent.host, device, wanted) {
            // GRUB lies where any firmware looks for a boot loader.
            Err(error) if error.is_missing_program() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "no boot entry was made for the GRUB of the image");
            }
            installed => installed.map_err(|error| failed(&error))?,
        }
    }
    Ok(Value::Null)
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::caused_by(ErrorKind::CommandExecution, error)
}

/// Whether programs of an image may be run for that. The conductor can only allow it.
fn may_install_grub(config: &LookupConfig, own: &ImageSettings) -> bool {
    config.enable_bios_bootloader_install == Some(true) || own.bootloader_install
}

/// What the root is found by: the id of a file system or of a partition. That of a disk, `0x` and its digits, is what a
/// whole-disk image is known by, which boots as it is.
fn root_id(wanted: &InstallBootloader) -> Option<&str> {
    let id = wanted.root_uuid.as_deref();
    id.filter(|id| !id.is_empty() && !id.starts_with("0x"))
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::all_settings;
    use super::*;

    #[test]
    fn grub_is_installed_only_if_the_operator_or_the_conductor_says_so() {
        let conductor = |enabled| LookupConfig {
            enable_bios_bootloader_install: enabled,
            ..LookupConfig::default()
        };
        let on = "enable_bios_bootloader_install = true\n";
        for (told, ini, expected) in [
            (None, "", false),
            (Some(false), "", false),
            (Some(true), "", true),
            (None, on, true),
            (Some(false), on, true),
        ] {
            let own = all_settings(ini).images;
            let may = may_install_grub(&conductor(told), &own);
            assert_eq!(may, expected, "{told:?} {ini}");
        }
    }

    #[test]
    fn a_disk_is_not_what_a_root_is_found_by() {
        let id = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
        for (root_uuid, expected) in [
            (None, None),
            (Some(""), None),
            (Some("0x00000000"), None),
            (Some("0x1234abcd"), None),
            (Some("1234abcd-01"), Some("1234abcd-01")),
            (Some(id), Some(id)),
        ] {
            let wanted = InstallBootloader {
                root_uuid: root_uuid.map(str::to_owned),
                ..InstallBootloader::default()
            };
            assert_eq!(root_id(&wanted), expected);
        }
    }
}
