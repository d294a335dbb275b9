//! `architecture`: the property `cpu_arch`.

use super::Findings;

pub(super) fn run(findings: &mut Findings<'_>) {
    let architecture = findings.inventory.cpu.architecture.clone();
    match architecture.filter(|text| !text.is_empty()) {
        Some(architecture) => findings.set_property("cpu_arch", architecture),
        None => findings.note("the inventory has no CPU architecture"),
    }
}
