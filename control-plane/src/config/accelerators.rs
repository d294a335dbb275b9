//! PCI devices that are known to be accelerators: a short list, or the operator's file in Ironic's form.

use super::SettingsError;
use serde::Deserialize;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Accelerator {
    pub vendor_id: String,
    pub device_id: String,
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub device_info: Option<String>,
}

#[derive(Deserialize)]
struct List {
    pci_devices: Vec<Accelerator>,
}

/// NVIDIA's GPUs that Ironic knows, by their ids in the PCI ID repository.
pub(super) fn known() -> Vec<Accelerator> {
    const GPUS: &[(&str, &str)] = &[
        ("1eb8", "Tesla T4"),
        ("1df6", "GV100GL"),
        ("2236", "A10"),
        ("2235", "A40"),
        ("26b9", "L40S"),
        ("26ba", "L20"),
    ];
    let gpu = |(device_id, name): &(&str, &str)| Accelerator {
        vendor_id: "10de".to_owned(),
        device_id: (*device_id).to_owned(),
        kind: Some("GPU".to_owned()),
        device_info: Some(format!("NVIDIA Corporation {name}")),
    };
    GPUS.iter().map(gpu).collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<Accelerator>, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let list: List = serde_norway::from_str(&text).map_err(|error| SettingsError::Option {
        option: "inspection.known_accelerators",
        problem: format!("= {}: {error}", path.display()),
    })?;
    Ok(list.pci_devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.yaml");
        let text = "pci_devices:\n- {vendor_id: '1', device_id: '2', type: FPGA}\n";
        std::fs::write(&path, text).unwrap();
        let read_kind = read(&path).unwrap()[0].kind.clone();
        assert_eq!(read_kind.as_deref(), Some("FPGA"));
        std::fs::write(&path, "pci_devices: [{vendor_id: '1'}]").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("device_id"));
        assert!(known().iter().all(|one| one.vendor_id == "10de"));
    }
}
