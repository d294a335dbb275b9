//! The first-stage programs: iPXE, copied from the system's package to where the TFTP server reads.

use super::BootError;
use crate::config::Boot;
use std::path::Path;

/// Copies both programs; without a TFTP root there is nothing to do.
pub(super) fn install(boot: &Boot) -> Result<(), BootError> {
    let Some(root) = &boot.tftp_root else {
        return Ok(());
    };
    std::fs::create_dir_all(root).map_err(|source| BootError::Write {
        path: root.clone(),
        source,
    })?;
    [&boot.bios_bootfile, &boot.uefi_bootfile]
        .into_iter()
        .try_for_each(|name| copy(&boot.ipxe_dir.join(name), &root.join(name)))
}

fn copy(from: &Path, to: &Path) -> Result<(), BootError> {
    if !from.exists() {
        return Err(BootError::Setting(format!(
            "the boot program {} is missing: install Debian's package ipxe, or set boot.ipxe_dir",
            from.display()
        )));
    }
    let partial = to.with_extension("partial");
    std::fs::copy(from, &partial)
        .and_then(|_| std::fs::rename(&partial, to))
        .map_err(|source| BootError::Write {
            path: to.to_owned(),
            source,
        })
}
