//! Who made the machine: from the firmware's tables, else from the files that the kernel made of them.

use std::path::Path;

use ferric_agent_protocol::inventory::{Firmware, SystemVendor};

use super::smbios::Smbios;
use crate::host::text;

pub(super) fn read(smbios: &Smbios, dmi: &Path) -> SystemVendor {
    let identity = smbios.identity();
    let file = |name: &str| text(&dmi.join(name));
    SystemVendor {
        product_name: identity.product_name.or_else(|| file("product_name")),
        serial_number: identity.serial_number.or_else(|| file("product_serial")),
        manufacturer: identity.manufacturer.or_else(|| file("sys_vendor")),
        firmware: Firmware {
            vendor: identity.firmware_vendor.or_else(|| file("bios_vendor")),
            version: identity.firmware_version.or_else(|| file("bios_version")),
            build_date: identity.firmware_date.or_else(|| file("bios_date")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tables_the_kernels_files_are_used() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("sys_vendor"), "ACME\n").unwrap();
        let vendor = read(&Smbios::default(), directory.path());
        assert_eq!(vendor.manufacturer.as_deref(), Some("ACME"));
        assert_eq!(vendor.product_name, None);
    }
}
