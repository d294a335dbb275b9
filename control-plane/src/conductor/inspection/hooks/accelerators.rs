//! `accelerators`: the property of this name, a list of those PCI devices that are known to be some
//! (`known_accelerators`).

use super::Findings;
use serde_json::{Value, json};

pub(super) fn run(findings: &mut Findings<'_>) {
    let devices = findings
        .plugin_data
        .get("pci_devices")
        .and_then(Value::as_array);
    let Some(devices) = devices.filter(|devices| !devices.is_empty()) else {
        findings.note(
            "no accelerators can be found: the ramdisk does not say which PCI devices there are",
        );
        return;
    };
    let found = |device: &Value| {
        let text = |key: &str| device.get(key).and_then(Value::as_str);
        let (vendor, product) = (text("vendor_id")?, text("product_id")?);
        let mut known = findings.context.settings.known_accelerators.iter();
        let known = known.find(|known| known.vendor_id == vendor && known.device_id == product)?;
        Some(json!({
            "vendor_id": known.vendor_id,
            "device_id": known.device_id,
            "type": known.kind,
            "device_info": known.device_info,
            "pci_address": text("bus"),
        }))
    };
    let found: Vec<_> = devices.iter().filter_map(found).collect();
    findings.set_property("accelerators", found);
}
