//! PCI devices, for the collector `pci-devices`.

use std::path::Path;

use ferric_agent_protocol::inspection::PciDevice;

use crate::host::{Tree, text};

/// All PCI devices by address.
#[must_use]
pub fn pci_devices(tree: &Tree) -> Vec<PciDevice> {
    list(&tree.path("sys/bus/pci/devices"))
}

fn list(directory: &Path) -> Vec<PciDevice> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut devices: Vec<PciDevice> = entries.filter_map(|entry| read(&entry.path())).collect();
    devices.sort_by(|a, b| a.bus.cmp(&b.bus));
    devices
}

fn read(path: &Path) -> Option<PciDevice> {
    let hex = |name: &str| {
        let text = text(&path.join(name))?;
        Some(text.strip_prefix("0x").unwrap_or(&text).to_owned())
    };
    Some(PciDevice {
        vendor_id: hex("vendor")?,
        product_id: hex("device")?,
        class: hex("class")?,
        revision: hex("revision").unwrap_or_default(),
        bus: path.file_name()?.to_string_lossy().into_owned(),
        numa_node_id: text(&path.join("numa_node")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_hexadecimal_text_without_a_prefix() {
        let directory = tempfile::tempdir().unwrap();
        let device = directory.path().join("0000:00:1f.2");
        std::fs::create_dir_all(&device).unwrap();
        let files = [
            ("vendor", "0x8086\n"),
            ("device", "0xa102\n"),
            ("class", "0x010601\n"),
            ("revision", "0x31\n"),
            ("numa_node", "-1\n"),
        ];
        for (name, text) in files {
            std::fs::write(device.join(name), text).unwrap();
        }
        std::fs::create_dir_all(directory.path().join("0000:00:02.0")).unwrap();
        let expected = PciDevice {
            vendor_id: "8086".to_owned(),
            product_id: "a102".to_owned(),
            class: "010601".to_owned(),
            revision: "31".to_owned(),
            bus: "0000:00:1f.2".to_owned(),
            numa_node_id: Some("-1".to_owned()),
        };
        assert_eq!(list(directory.path()), [expected]);
    }
}
