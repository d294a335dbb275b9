//! `pci-devices`: how many there are of each PCI device that has an alias (`pci_device_alias`), as capabilities.

use super::Findings;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn run(findings: &mut Findings<'_>) {
    let devices = findings
        .plugin_data
        .get("pci_devices")
        .and_then(Value::as_array);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for device in devices.into_iter().flatten() {
        let is = |key: &str, id: &str| device.get(key).and_then(Value::as_str) == Some(id);
        let mut aliases = findings.context.settings.pci_device_alias.iter();
        let alias = aliases
            .find(|alias| is("vendor_id", &alias.vendor_id) && is("product_id", &alias.product_id));
        if let Some(alias) = alias {
            *counts.entry(alias.name.clone()).or_default() += 1;
        }
    }
    if !counts.is_empty() {
        let counts = counts
            .into_iter()
            .map(|(name, count)| (name, count.to_string()));
        findings.set_capabilities(&counts.collect::<Vec<_>>());
    }
}
