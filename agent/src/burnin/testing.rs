//! Nodes for the tests.

use ferric_agent_protocol::node::Node;
use serde_json::{Value, json};

/// A node with this `driver_info`.
pub(super) fn node(driver_info: &Value) -> Node {
    let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    serde_json::from_value(json!({"uuid": uuid, "driver_info": driver_info})).unwrap()
}
