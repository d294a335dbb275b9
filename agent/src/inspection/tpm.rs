//! `tpm`: whether the machine has a TPM, and which. Ironic's agent has no such collector.
//!
//! The kernel shows a TPM that it has a driver for; the firmware tells of one that is merely there.

use std::path::Path;

use ferric_agent_protocol::inspection::InspectionData;
use serde::Serialize;

use super::Subject;
use super::collector::{CollectError, keyed};
use crate::host::{Tree, names, text};
use crate::inventory::smbios::{Smbios, Structure};

/// `TPM Device` of the SMBIOS reference specification, 7.44.
const TPM_DEVICE: u8 = 43;

/// `tpm` of the inspection data.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Tpm {
    present: bool,
    devices: Vec<TpmDevice>,
    /// What the firmware says; null where it says nothing.
    firmware: Option<FirmwareTpm>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct TpmDevice {
    name: String,
    /// `2.0` or `1.2`; null on kernels that do not tell.
    version: Option<String>,
    description: Option<String>,
    driver: Option<String>,
    /// The banks of platform configuration registers that are in use, such as `sha256`.
    pcr_banks: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct FirmwareTpm {
    /// Four letters at most, by which the Trusted Computing Group knows the maker.
    vendor: Option<String>,
    version: Option<String>,
    description: Option<String>,
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(keyed("tpm", &read(subject.host.tree())))
}

fn read(tree: &Tree) -> Tpm {
    let class = tree.path("sys/class/tpm");
    let devices: Vec<_> = names(&class)
        .into_iter()
        .map(|name| device(&class.join(&name), name))
        .collect();
    let smbios = Smbios::read(&tree.path("sys/firmware/dmi/tables/DMI"));
    let firmware = smbios.of_kind(TPM_DEVICE).next().map(told);
    let has_table = || {
        let table = |name: &str| tree.path("sys/firmware/acpi/tables").join(name).exists();
        ["TPM2", "TCPA"].into_iter().any(table)
    };
    Tpm {
        present: !devices.is_empty() || firmware.is_some() || has_table(),
        devices,
        firmware,
    }
}

fn device(path: &Path, name: String) -> TpmDevice {
    let version = match text(&path.join("tpm_version_major")).as_deref() {
        Some("2") => Some("2.0"),
        Some("1") => Some("1.2"),
        _ => None,
    };
    let link = std::fs::read_link(path.join("device/driver")).ok();
    TpmDevice {
        version: version.map(str::to_owned),
        description: text(&path.join("device/description"))
            .or_else(|| text(&path.join("device/firmware_node/description"))),
        driver: link.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned())),
        pcr_banks: names(path)
            .iter()
            .filter_map(|name| name.strip_prefix("pcr-").map(str::to_owned))
            .collect(),
        name,
    }
}

fn told(structure: &Structure) -> FirmwareTpm {
    let vendor = structure.bytes(0x04, 4).map(|bytes| {
        let letters = bytes.iter().filter(|byte| byte.is_ascii_graphic());
        letters.map(|byte| char::from(*byte)).collect()
    });
    let version = structure
        .byte(0x08)
        .zip(structure.byte(0x09))
        .map(|(major, minor)| format!("{major}.{minor}"));
    FirmwareTpm {
        vendor: vendor.filter(|vendor: &String| !vendor.is_empty()),
        version,
        description: structure.string(0x12),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inspection::recorded::Recorded;

    #[test]
    fn what_the_kernel_and_the_firmware_know() {
        let machine = Recorded::new(&[
            ("sys/class/tpm/tpm0/tpm_version_major", "2\n"),
            ("sys/class/tpm/tpm0/pcr-sha1/0", "00\n"),
            ("sys/class/tpm/tpm0/pcr-sha256/0", "00\n"),
            ("sys/devices/MSFT0101:00/description", "TPM 2.0 Device\n"),
        ]);
        machine.link("sys/class/tpm/tpm0/device", "sys/devices/MSFT0101:00");
        machine.link(
            "sys/devices/MSFT0101:00/driver",
            "sys/bus/acpi/drivers/tpm_tis",
        );
        let mut table = vec![TPM_DEVICE, 0x1f, 0, 0];
        table.extend_from_slice(b"IFX\0\x02\x00");
        table.resize(0x12, 0);
        table.push(1);
        table.resize(0x1f, 0);
        table.extend_from_slice(b"INFINEON\0\0");
        machine.write("sys/firmware/dmi/tables/DMI", table);
        let expected = json!({
            "present": true,
            "devices": [{
                "name": "tpm0",
                "version": "2.0",
                "description": "TPM 2.0 Device",
                "driver": "tpm_tis",
                "pcr_banks": ["sha1", "sha256"],
            }],
            "firmware": {"vendor": "IFX", "version": "2.0", "description": "INFINEON"},
        });
        assert_eq!(json!(read(machine.host(&[]).tree())), expected);
    }

    #[test]
    fn a_tpm_without_a_driver_is_present_and_none_is_absent() {
        let machine = Recorded::new(&[("sys/firmware/acpi/tables/TPM2", "TPM2")]);
        let found = read(machine.host(&[]).tree());
        assert!(found.present && found.devices.is_empty());
        assert!(!read(Recorded::new(&[]).host(&[]).tree()).present);
    }
}
