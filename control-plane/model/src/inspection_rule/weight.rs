//! How much work a document is: editing one means reading and writing all of it.

use super::editing::Changed;
use crate::node::Object;
use serde_json::Value;

const VALUE: usize = 16;

/// Roughly its size in bytes.
pub(super) fn of(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(of).sum(),
        Value::Object(entries) => of_entries(entries),
    };
    inner + VALUE
}

fn of_entries(entries: &Object) -> usize {
    let entries = entries.iter().map(|(key, value)| key.len() + of(value));
    entries.sum()
}

/// Of what an action may have to write anew; plugin data are edited in place.
pub(super) fn of_changed(changed: &Changed) -> usize {
    let ports = changed.ports.iter();
    let ports = ports.map(|port| of_entries(&port.extra) + of_entries(&port.local_link_connection));
    of(changed.node.seen()) + ports.sum::<usize>()
}
