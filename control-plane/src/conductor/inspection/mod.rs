//! Hooks of in-band inspection: what a ramdisk found becomes a node's ports and properties. Pure but for one question.
//!
//! Ironic's default hooks (ramdisk-error, validate-interfaces, ports, architecture) and memory_mb, cpus and local_gb.

pub(super) mod bmc_addresses;
mod calls;
mod interfaces;
mod ports;
mod properties;
pub(super) mod rules;

pub(super) use ports::NewPort;

use ferric_agent_protocol::inspection::InspectionData;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_store::{FieldValue, Query, Store, StoreError, Table};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is to be stored.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) inventory: Object,
    pub(super) plugin_data: Object,
    pub(super) properties: Object,
    pub(super) boot_mode: Option<String>,
    pub(super) new_ports: Vec<NewPort>,
    pub(super) changed_ports: Vec<Port>,
    /// For the timeline.
    pub(super) summary: String,
    pub(super) notes: Vec<String>,
}

/// Why the data are of no use; becomes `last_error`.
#[derive(Debug, thiserror::Error)]
pub(super) enum InspectionError {
    #[error("the ramdisk reported an error: {0}")]
    Ramdisk(String),
    #[error("the ramdisk's inspection data cannot be read ({0})")]
    Malformed(String),
    #[error(
        "the ramdisk found no usable network interface: at least one needs a valid MAC address"
    )]
    NoInterface,
}

/// Runs the hooks.
pub(super) fn read(
    node: &Node,
    ports: &[Port],
    taken: &BTreeSet<MacAddress>,
    mut data: Object,
) -> Result<Found, InspectionError> {
    let typed: InspectionData = serde_json::from_value(Value::Object(data.clone()))
        .map_err(|error| InspectionError::Malformed(error.to_string()))?;
    if let Some(error) = typed.error.filter(|error| !error.trim().is_empty()) {
        return Err(InspectionError::Ramdisk(error.trim().to_owned()));
    }
    let inventory = typed
        .inventory
        .ok_or_else(|| InspectionError::Malformed("the key inventory is missing".to_owned()))?;
    let interfaces = interfaces::usable(&inventory);
    if interfaces.is_empty() {
        return Err(InspectionError::NoInterface);
    }
    let plan = ports::plan(ports, taken, &interfaces);
    let properties = properties::read(node, &inventory, typed.root_disk.as_ref());
    let raw = match data.shift_remove("inventory") {
        Some(Value::Object(inventory)) => inventory,
        _ => Object::new(),
    };
    Ok(Found {
        summary: properties::summary(&inventory),
        boot_mode: inventory.boot.current_boot_mode.clone(),
        inventory: raw,
        plugin_data: data,
        properties,
        new_ports: plan.new,
        changed_ports: plan.changed,
        notes: plan.notes,
    })
}

/// The MAC addresses in the data, valid or not further looked at: to find the node by.
pub(super) fn addresses(data: &Object) -> Vec<MacAddress> {
    let interfaces = data
        .get("inventory")
        .and_then(|inventory| inventory.get("interfaces"))
        .and_then(Value::as_array);
    let address = |interface: &Value| interface.get("mac_address")?.as_str()?.parse().ok();
    interfaces
        .into_iter()
        .flatten()
        .filter_map(address)
        .collect()
}

/// Those of the addresses that are ports of other nodes.
pub(super) async fn taken_addresses(
    store: &dyn Store,
    node: NodeId,
    data: &Object,
) -> Result<BTreeSet<MacAddress>, StoreError> {
    let addresses = addresses(data);
    if addresses.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted = addresses
        .iter()
        .map(|address| FieldValue::Text(address.to_string()))
        .collect();
    let page = store
        .page(&Query::all(Table::Port).filter("address", wanted))
        .await?;
    let ports = page
        .records
        .iter()
        .map(ferric_store::Record::decode::<Port>)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ports
        .into_iter()
        .filter(|port| port.node_uuid != node)
        .map(|port| port.address)
        .collect())
}

#[cfg(test)]
mod tests;
