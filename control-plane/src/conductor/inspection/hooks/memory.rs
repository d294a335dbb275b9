//! `memory`: the property `memory_mb`, from the modules that are plugged in, else from what the kernel manages.

use super::Findings;
use crate::conductor::inspection::summary::memory_mb;

pub(super) fn run(findings: &mut Findings<'_>) {
    match memory_mb(&findings.inventory) {
        Some(memory_mb) => findings.set_property("memory_mb", memory_mb),
        None => findings.note("the inventory does not say how much memory there is"),
    }
}
