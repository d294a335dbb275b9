//! In-band inspection: what a ramdisk found becomes a node's ports, properties and inventory, by hooks, and by rules after
//! them. Hooks are pure; nothing is stored here.

pub(super) mod bmc_addresses;
mod calls;
mod hooks;
mod interfaces;
mod lldp;
pub(super) mod rules;
mod summary;

pub(super) use hooks::Context;

use ferric_agent_protocol::inspection::InspectionData;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::inspection_rule::Subject;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_store::{FieldValue, Query, Store, StoreError, Table};
use hooks::Findings;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is to be stored, if the rules have nothing against it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) subject: Subject,
    /// Ports that are not wanted any more.
    pub(super) gone: Vec<Port>,
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
    #[error("no network interface is to become a port: none fits add_ports = {0}")]
    NoneToAdd(&'static str),
}

/// Runs the hooks.
pub(super) fn read(
    context: Context<'_>,
    node: &Node,
    ports: &[Port],
    mut data: Object,
) -> Result<Found, InspectionError> {
    let raw = match data.shift_remove("inventory") {
        Some(Value::Object(inventory)) => inventory,
        Some(_) => {
            return Err(InspectionError::Malformed(
                "inventory is no object".to_owned(),
            ));
        }
        None => Object::new(),
    };
    let missing = raw.is_empty();
    let mut findings = Findings {
        context,
        inventory: typed(&raw)?,
        raw,
        plugin_data: data,
        node: node.clone(),
        ports: ports.to_vec(),
        gone: Vec::new(),
        interfaces: Vec::new(),
        valid: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(mode) = &findings.inventory.boot.current_boot_mode {
        findings.node.boot_mode = Some(mode.clone());
    }
    let outcome = hooks::run(&mut findings);
    // The ramdisk's own complaint says more than that there is no inventory.
    if missing && !matches!(outcome, Err(InspectionError::Ramdisk(_))) {
        let text = "the key inventory is missing".to_owned();
        return Err(InspectionError::Malformed(text));
    }
    outcome?;
    Ok(Found {
        summary: summary::summary(&findings.inventory),
        subject: Subject {
            node: findings.node,
            ports: findings.ports,
            inventory: findings.raw,
            plugin_data: findings.plugin_data,
        },
        gone: findings.gone,
        notes: findings.notes,
    })
}

/// By the same type that the whole message has.
fn typed(raw: &Object) -> Result<ferric_agent_protocol::inventory::Inventory, InspectionError> {
    let message = Object::from_iter([("inventory".to_owned(), Value::Object(raw.clone()))]);
    let message: InspectionData = serde_json::from_value(Value::Object(message))
        .map_err(|error| InspectionError::Malformed(error.to_string()))?;
    Ok(message.inventory.unwrap_or_default())
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
