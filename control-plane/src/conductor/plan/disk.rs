//! Which disk gets the image and why, and what is on it that is lost, by the inventory of the last inspection.

use super::{Finding, gib};
use ferric_agent_protocol::hints::{DiskFacts, RootDeviceHints, root_device};
use ferric_agent_protocol::inventory::{Disk, Inventory};
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Node;
use serde_json::{Value, json};

/// What is known of the disks.
pub(super) struct Chosen {
    pub(super) findings: Vec<Finding>,
    pub(super) disk: Option<Disk>,
}

pub(super) fn choose(node: &Node, stored: Option<&StoredInventory>) -> Chosen {
    let hints = match hints(node) {
        Ok(hints) => hints,
        Err(error) => return without(Finding::error("disk", error, json!({}))),
    };
    let Some(stored) = stored else {
        let text = "the node was never inspected, so which disk gets the image is known only when the ramdisk is up: \
                    inspect it first";
        return without(Finding::warning("disk", text, json!({})));
    };
    let inventory = Value::Object(stored.inventory.clone());
    let Ok(inventory) = serde_json::from_value::<Inventory>(inventory) else {
        let text = "the stored inventory cannot be understood: inspect the node again";
        return without(Finding::warning("disk", text, json!({})));
    };
    let disks: Vec<DiskFacts> = inventory.disks.into_iter().map(DiskFacts::from).collect();
    let parsed = hints.as_ref().map(|(hints, _)| hints);
    match root_device(&disks, parsed) {
        Ok(chosen) => {
            let why = why(hints.as_ref(), disks.len());
            let others = disks.len() - 1;
            Chosen {
                findings: vec![
                    found(&chosen.disk, &why, stored),
                    erased(&chosen.disk, others),
                ],
                disk: Some(chosen.disk.clone()),
            }
        }
        Err(error) => {
            let taken_at = stored.taken_at.to_string();
            without(Finding::error(
                "disk",
                error.to_string(),
                json!({"inspected_at": taken_at}),
            ))
        }
    }
}

fn without(finding: Finding) -> Chosen {
    Chosen {
        findings: vec![finding],
        disk: None,
    }
}

type Hints = (RootDeviceHints, &'static str);

/// The hints that count and where they stand: those of the instance come before those of the node, as for the agent.
fn hints(node: &Node) -> Result<Option<Hints>, String> {
    let places = [
        (&node.instance_info, "instance_info"),
        (&node.properties, "properties"),
    ];
    for (fields, place) in places {
        let given = fields.get("root_device");
        let given = given.filter(|hints| !hints.is_null() && **hints != json!({}));
        if let Some(given) = given {
            let hints = RootDeviceHints::parse(given)
                .map_err(|error| format!("root_device in {place} cannot be used: {error}"))?;
            return Ok(Some((hints, place)));
        }
    }
    Ok(None)
}

fn why(hints: Option<&Hints>, disks: usize) -> String {
    match hints {
        Some((hints, place)) => {
            format!("the first of {disks} by name that fits root_device in {place} ({hints})")
        }
        None => format!("the smallest of {disks} with at least 4 GiB; no root_device is set"),
    }
}

fn name(disk: &Disk) -> String {
    let serial = disk.serial.as_deref().unwrap_or("unknown");
    format!("{} (serial {serial}, {})", disk.name, gib(disk.size))
}

fn found(disk: &Disk, why: &str, stored: &StoredInventory) -> Finding {
    let text = format!("the image goes to {}: {why}", name(disk));
    let data = json!({
        "name": disk.name, "serial": disk.serial, "wwn": disk.wwn, "model": disk.model, "size_bytes": disk.size,
        "why": why, "inspected_at": stored.taken_at.to_string(),
    });
    Finding::ok("disk", text, data)
}

/// A deploy writes from the first sector on and takes what partition table there was.
fn erased(disk: &Disk, others: usize) -> Finding {
    let rest = match others {
        0 => "there is no other disk".to_owned(),
        1 => "the other disk is not touched".to_owned(),
        others => format!("the {others} other disks are not touched"),
    };
    let text = format!(
        "everything on {} is lost: the image is written over it, whatever is behind the image can no longer be found; {rest}",
        name(disk)
    );
    let data =
        json!({"disks": [{"name": disk.name, "serial": disk.serial}], "other_disks": others});
    Finding::ok("erased", text, data)
}
