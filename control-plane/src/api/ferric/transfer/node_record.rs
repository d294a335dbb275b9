//! A node by the names that it has in Ironic's newest version, both ways. What is derived there (the step in hand, the
//! conductor, the lock, links) is not written, and not taken when it is read.

use super::kind::Kind;
use super::reading::{self, Missing};
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::find;
use crate::api::masking::{masked, masked_instance_info};
use crate::api::nodes::table::NODE;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Ours alone: what a machine that boots from the network gets.
const OWN: &[&str] = &["network_boot", "dhcp"];

/// What a node shows that is stored nowhere, or elsewhere.
const DERIVED: &[&str] = &[
    "clean_step",
    "conductor",
    "deploy_step",
    "links",
    "portgroups",
    "ports",
    "reservation",
    "service_step",
    "states",
    "volume",
];

/// Of a ramdisk's session or of a run, neither of which comes along; the settings of erasing are this conductor's own.
const OF_A_RUN: &[&str] = &[
    "clean_steps",
    "clean_step_index",
    "deploy_steps",
    "deploy_step_index",
    "disk_erasure_concurrency",
    "service_steps",
    "service_step_index",
];

/// Whether secrets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    Masked,
    Shown,
}

pub(super) fn write(node: &Node, secrets: Secrets) -> ApiResult<Object> {
    let mut stored = reading::object(node)?;
    let mut shown = Object::new();
    for field in NODE.iter().filter(|field| !DERIVED.contains(&field.name)) {
        let value = match (field.name, secrets) {
            ("driver_internal_info", Secrets::Shown) => Value::from(node.internal_info.clone()),
            ("driver_internal_info", Secrets::Masked) => Value::from(masked(&node.internal_info)),
            ("driver_info", Secrets::Masked) => Value::from(masked(&node.driver_info)),
            ("instance_info", Secrets::Masked) => {
                Value::from(masked_instance_info(&node.instance_info))
            }
            (name, _) => match name.strip_suffix("_interface") {
                Some(kind) => node.interface(kind).map_or(Value::Null, Value::from),
                None => stored.remove(name).unwrap_or_default(),
            },
        };
        shown.insert(field.name.to_owned(), value);
    }
    for name in OWN {
        shown.insert((*name).to_owned(), stored.remove(*name).unwrap_or_default());
    }
    Ok(shown)
}

/// The node of a record, and which secrets it lacks.
pub(super) fn read(document: Object, now: Timestamp) -> ApiResult<(Node, Missing)> {
    let Some(Value::String(driver)) = document.get("driver").cloned() else {
        return Err(ApiError::invalid("driver must be there, and be a text"));
    };
    let (mut missing, mut own) = (Missing::default(), Object::new());
    let mut interfaces = Object::new();
    for (name, mut value) in document {
        let known = find(NODE, &name).is_some() || OWN.contains(&name.as_str());
        if !known {
            return Err(ApiError::invalid(format!(
                "{name} is not a field of a node"
            )));
        }
        if DERIVED.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        match name.as_str() {
            "driver_info" | "instance_info" => {
                missing.take(&name, &mut value);
                own.insert(name, value);
            }
            "driver_internal_info" => {
                own.insert("internal_info".to_owned(), lasting(value));
            }
            _ => {
                reading::refuse_unfilled(Kind::Node, &name, &value)?;
                match name.strip_suffix("_interface") {
                    Some(kind) => interfaces.insert(kind.to_owned(), value),
                    None => own.insert(name, value),
                };
            }
        }
    }
    own.insert("interfaces".to_owned(), Value::Object(interfaces));
    let blank = Node::new(NodeId(Uuid::nil()), &driver, now);
    let node = reading::merged(&blank, own, "node")?;
    Ok((node, missing))
}

/// What is remembered of a node beyond a ramdisk and a run.
fn lasting(info: Value) -> Value {
    let Value::Object(info) = info else {
        return info;
    };
    let mut missing = Missing::default();
    let lasting = info
        .into_iter()
        .filter(|(key, _)| !key.starts_with("agent_") && !OF_A_RUN.contains(&key.as_str()));
    let mut lasting = Value::Object(lasting.collect());
    // Masked tokens are of no use; whoever needs one gets a new one.
    missing.take("driver_internal_info", &mut lasting);
    lasting
}
