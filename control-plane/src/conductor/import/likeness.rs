//! Whether what is stored is what was imported once. What conductors write by themselves does not count.

use crate::conductor::requests::RequestError;
use ferric_model::node::Object;
use ferric_store::Entity;
use serde_json::Value;

/// Written by whoever has the record, not by whoever made it.
const PASSING: &[&str] = &["updated_at", "worker", "taken_at"];

/// The same of a node: what its BMC, its agent and its conductor say.
const PASSING_OF_NODES: &[&str] = &[
    "updated_at",
    "agent",
    "agent_offers",
    "boot_mode",
    "console_enabled",
    "dhcp",
    "fault",
    "health",
    "internal_info",
    "last_error",
    "network_boot",
    "ownership",
    "periodic_records",
    "power_state",
    "power_sync_failures",
    "relayed_media",
    "reservation",
    "run",
    "secure_boot",
    "target_power_state",
    "wish",
    "wish_progress",
];

/// # Errors
/// Conflict with the names of what differs.
pub(super) fn check<E: Entity>(stored: &E, new: &E) -> Result<(), RequestError> {
    refuse(&E::TABLE, &new.id(), &differing(stored, new, PASSING)?)
}

/// The fields in which a node is not the one that was imported.
pub(super) fn of_nodes<E: Entity>(stored: &E, new: &E) -> Result<Vec<String>, RequestError> {
    differing(stored, new, PASSING_OF_NODES)
}

/// # Errors
/// Conflict unless there are none.
pub(super) fn refuse(
    table: &dyn std::fmt::Debug,
    id: &str,
    differing: &[String],
) -> Result<(), RequestError> {
    if differing.is_empty() {
        return Ok(());
    }
    Err(RequestError::Conflict(format!(
        "{table:?} {id} is here already and differs in {}: it is left as it is",
        differing.join(", ")
    )))
}

/// Whether every key of one is in the other, with the same value.
pub(super) fn is_part(part: &Object, whole: &Object) -> bool {
    part.iter()
        .all(|(key, value)| match (value, whole.get(key)) {
            (Value::Object(part), Some(Value::Object(whole))) => is_part(part, whole),
            (value, found) => found == Some(value),
        })
}

fn differing<E: Entity>(
    stored: &E,
    new: &E,
    passing: &[&str],
) -> Result<Vec<String>, RequestError> {
    let (stored, new) = (object(stored)?, object(new)?);
    let differing = new.iter().filter(|(key, value)| {
        !passing.contains(&key.as_str()) && stored.get(*key) != Some(*value)
    });
    Ok(differing.map(|(key, _)| key.clone()).collect())
}

fn object<E: Entity>(entity: &E) -> Result<Object, RequestError> {
    match serde_json::to_value(entity) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Ok(Object::new()),
        Err(error) => Err(RequestError::internal("comparing a record", error)),
    }
}
