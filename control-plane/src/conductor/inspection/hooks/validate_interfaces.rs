//! `validate-interfaces`: which network interfaces can be ports, and which of them are to become some.

use super::Findings;
use crate::conductor::inspection::{InspectionError, interfaces};
use crate::config::AddPorts;
use serde_json::{Value, json};

pub(super) fn prepare(findings: &mut Findings<'_>) -> Result<(), InspectionError> {
    let usable = interfaces::usable(&findings.inventory);
    if usable.is_empty() {
        return Err(InspectionError::NoInterface);
    }
    let boot_known = usable.iter().any(|interface| interface.booted);
    let add_ports = findings.context.settings.add_ports;
    let wanted = |interface: &&interfaces::Usable| match add_ports {
        AddPorts::Pxe => interface.booted || !boot_known,
        AddPorts::Active => interface.has_address,
        AddPorts::All | AddPorts::Disabled => true,
    };
    findings.valid = usable.iter().filter(wanted).cloned().collect();
    if findings.valid.is_empty() {
        return Err(InspectionError::NoneToAdd(add_ports.name()));
    }
    findings.interfaces = usable;
    let all = described(findings, &findings.interfaces);
    let valid = described(findings, &findings.valid);
    let macs = findings
        .valid
        .iter()
        .map(|interface| interface.address.as_str());
    let macs: Vec<_> = macs.map(str::to_owned).collect();
    let data = &mut findings.plugin_data;
    data.insert("all_interfaces".to_owned(), all);
    data.insert("valid_interfaces".to_owned(), valid);
    data.insert("macs".to_owned(), json!(macs));
    Ok(())
}

/// By name, as they came and with whether the machine was booted from it.
fn described(findings: &Findings<'_>, some: &[interfaces::Usable]) -> Value {
    let raw = findings.raw.get("interfaces").and_then(Value::as_array);
    let raw = raw.map(Vec::as_slice).unwrap_or_default();
    let entry = |interface: &interfaces::Usable| {
        let same = |raw: &&Value| raw["name"].as_str() == Some(&interface.name);
        let mut described = raw.iter().find(same)?.as_object()?.clone();
        described.insert("pxe_enabled".to_owned(), json!(interface.booted));
        if let Some(Value::String(address)) = described.get_mut("ipv6_address") {
            // Without the scope of a link-local one.
            let bare = address.split('%').next().map(str::to_owned);
            *address = bare.unwrap_or_default();
        }
        Some((interface.name.clone(), Value::Object(described)))
    };
    Value::Object(some.iter().filter_map(entry).collect())
}
