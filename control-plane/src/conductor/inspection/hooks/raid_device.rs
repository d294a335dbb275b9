//! `raid-device`: a disk that was not there at the last inspection is the root device from now on. For BMCs that make
//! RAID volumes and do not say how they are called: inspect, make the volume, inspect again.

use super::Findings;
use ferric_model::node::Object;
use serde_json::{Value, json};

pub(super) fn run(findings: &mut Findings<'_>) {
    if findings.node.properties.contains_key("root_device") {
        return;
    }
    let Some(previous) = findings.context.previous else {
        return;
    };
    let (known, now) = (serials(&previous.inventory), serials(&findings.raw));
    let new: Vec<_> = now
        .iter()
        .filter(|serial| !known.contains(serial))
        .collect();
    match new.as_slice() {
        [] => {}
        [serial] => {
            let hints = json!({"serial": serial});
            findings.set_property("root_device", hints);
        }
        several => {
            let count = several.len();
            findings.note(format!(
                "{count} disks are new: none of them is made the root device"
            ));
        }
    }
}

fn serials(inventory: &Object) -> Vec<String> {
    let disks = inventory.get("disks").and_then(Value::as_array);
    let serial = |disk: &Value| Some(disk.get("serial")?.as_str()?.to_owned());
    let serials = disks.into_iter().flatten().filter_map(serial);
    serials.filter(|serial| !serial.is_empty()).collect()
}
