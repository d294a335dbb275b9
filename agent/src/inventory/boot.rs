//! How this system was booted.

use std::path::Path;

use ferric_agent_protocol::inventory::Boot;

pub(super) fn read(sys: &Path, bootif: Option<&str>) -> Boot {
    Boot {
        current_boot_mode: Some(mode(sys).to_owned()),
        pxe_interface: bootif.map(str::to_owned),
    }
}

fn mode(sys: &Path) -> &'static str {
    if sys.join("firmware/efi").exists() {
        "uefi"
    } else {
        "bios"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_with_efi_was_booted_by_it_and_bootif_is_told_as_it_came() {
        let sys = tempfile::tempdir().unwrap();
        let bios = read(sys.path(), None);
        assert_eq!(bios.current_boot_mode.as_deref(), Some("bios"));
        assert_eq!(bios.pxe_interface, None);
        std::fs::create_dir_all(sys.path().join("firmware/efi")).unwrap();
        let bootif = "01-52-54-00-00-00-0A";
        let uefi = read(sys.path(), Some(bootif));
        assert_eq!(uefi.current_boot_mode.as_deref(), Some("uefi"));
        assert_eq!(uefi.pxe_interface.as_deref(), Some(bootif));
    }
}
