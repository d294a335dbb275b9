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
