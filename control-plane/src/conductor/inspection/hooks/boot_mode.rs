//! `boot-mode`: the capability `boot_mode`, how the ramdisk was booted.

use super::Findings;

pub(super) fn run(findings: &mut Findings<'_>) {
    if let Some(mode) = findings.inventory.boot.current_boot_mode.clone() {
        findings.set_capabilities(&[("boot_mode".to_owned(), mode)]);
    }
}
