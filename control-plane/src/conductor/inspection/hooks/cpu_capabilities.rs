//! `cpu-capabilities`: a capability for each of some flags that the processors have (`cpu_capabilities`).

use super::Findings;

pub(super) fn run(findings: &mut Findings<'_>) {
    let flags = &findings.inventory.cpu.flags;
    let mapping = findings.context.settings.cpu_capabilities.iter();
    let found: Vec<_> = mapping
        .filter(|(flag, _)| flags.contains(flag))
        .map(|(_, name)| (name.clone(), "true".to_owned()))
        .collect();
    if !found.is_empty() {
        findings.set_capabilities(&found);
    }
}
