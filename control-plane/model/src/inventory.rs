//! What inspection found on a node: kept beside it, since it is large and seldom read.

use crate::ids::NodeId;
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/nodes/{node}/inventory`, with when it was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredInventory {
    pub node: NodeId,
    pub taken_at: Timestamp,
    pub inventory: Object,
    pub plugin_data: Object,
}
