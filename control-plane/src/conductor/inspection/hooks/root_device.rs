//! `root-device`: the property `local_gb`, the size of the disk that a deploy would choose. One GiB of it is left out, as
//! in Ironic, for partitioning.

use super::Findings;
use ferric_agent_protocol::hints::{DiskFacts, RootDeviceHints, root_device};
use ferric_agent_protocol::inventory::Disk;
use serde_json::{Value, json};

pub(in crate::conductor::inspection) const GIB: u64 = 1 << 30;

pub(super) fn run(findings: &mut Findings<'_>) {
    let chosen = chosen(findings).or_else(|| reported(findings));
    let Some(disk) = chosen else { return };
    let spacing = u64::from(findings.context.settings.disk_partitioning_spacing);
    let local_gb = (disk.size / GIB).saturating_sub(spacing);
    if local_gb > 0 {
        findings.set_property("local_gb", local_gb);
        findings
            .plugin_data
            .insert("local_gb".to_owned(), json!(local_gb));
    }
    if findings.node.properties.contains_key("root_device") {
        let disk = serde_json::to_value(&disk).unwrap_or_default();
        findings.plugin_data.insert("root_disk".to_owned(), disk);
    }
}

/// Hints that fit nothing are for the deploy to complain about; here they are worth a line.
fn chosen(findings: &mut Findings<'_>) -> Option<Disk> {
    let disks = findings.inventory.disks.iter().cloned();
    let disks: Vec<DiskFacts> = disks.map(DiskFacts::from).collect();
    let hints = findings.node.properties.get("root_device");
    let hints = match hints.map(RootDeviceHints::parse).transpose() {
        Ok(hints) => hints,
        Err(error) => {
            findings.note(format!("the root device hints cannot be read: {error}"));
            return None;
        }
    };
    match root_device(&disks, hints.as_ref()) {
        Ok(facts) => Some(facts.disk.clone()),
        Err(error) if hints.is_some() => {
            findings.note(format!("no disk fits the root device hints: {error}"));
            None
        }
        Err(_) => None,
    }
}

/// The one that the ramdisk would take, if no hints say something else.
fn reported(findings: &Findings<'_>) -> Option<Disk> {
    if findings.node.properties.contains_key("root_device") {
        return None;
    }
    let disk = findings.plugin_data.get("root_disk").cloned();
    serde_json::from_value(disk.unwrap_or(Value::Null)).ok()
}
