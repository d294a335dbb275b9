//! `cpus`: the property of this name, the number of logical processors.

use super::Findings;

pub(super) fn run(findings: &mut Findings<'_>) {
    let count = findings.inventory.cpu.count;
    if count > 0 {
        findings.set_property("cpus", count);
    }
}
