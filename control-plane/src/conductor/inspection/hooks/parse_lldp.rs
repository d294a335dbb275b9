//! `parse-lldp`: what switches say of themselves, by names, in `plugin_data.parsed_lldp`.

use super::Findings;
use crate::conductor::inspection::lldp;
use ferric_model::node::Object;
use serde_json::Value;

/// No machine has more that LLDP comes in by.
const MOST_INTERFACES: usize = 64;

pub(super) fn run(findings: &mut Findings<'_>) {
    let interfaces = findings.raw.get("interfaces").and_then(Value::as_array);
    let interfaces = interfaces.into_iter().flatten().take(MOST_INTERFACES);
    let mut parsed = Object::new();
    for interface in interfaces {
        let Some(name) = interface["name"].as_str() else {
            continue;
        };
        let tlvs = lldp::of_interface(name, interface, &findings.plugin_data);
        let found = lldp::parsed(&tlvs.unwrap_or_default());
        if !found.is_empty() {
            parsed.insert(name.to_owned(), Value::Object(found));
        }
    }
    if !parsed.is_empty() {
        findings
            .plugin_data
            .insert("parsed_lldp".to_owned(), Value::Object(parsed));
    }
}
