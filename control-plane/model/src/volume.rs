//! Volumes outside the machine: how the node reaches them (connectors), and which ones it is to have (targets).

use crate::ids::{NodeId, VolumeConnectorId, VolumeTargetId};
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A name by which storage knows the node: an IQN, a WWPN, an IP address. Type and id together belong to one node only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeConnector {
    pub uuid: VolumeConnectorId,
    pub node_uuid: NodeId,
    #[serde(rename = "type")]
    pub kind: String,
    pub connector_id: String,
    pub extra: Object,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// A volume that the node is to have; the boot index belongs to one target of the node only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeTarget {
    pub uuid: VolumeTargetId,
    pub node_uuid: NodeId,
    /// Such as `iscsi` or `fibre_channel`.
    pub volume_type: String,
    pub volume_id: String,
    /// The node boots from the one with 0.
    pub boot_index: i64,
    /// How to connect to it; may hold passwords.
    pub properties: Object,
    pub extra: Object,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

impl VolumeConnector {
    /// One without type and id, which must be given before it is stored.
    pub fn new(uuid: VolumeConnectorId, node_uuid: NodeId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            node_uuid,
            kind: String::new(),
            connector_id: String::new(),
            extra: Object::new(),
            created_at,
            updated_at: None,
        }
    }
}

impl VolumeTarget {
    /// One without a volume, which must be given before it is stored.
    pub fn new(uuid: VolumeTargetId, node_uuid: NodeId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            node_uuid,
            volume_type: String::new(),
            volume_id: String::new(),
            boot_index: 0,
            properties: Object::new(),
            extra: Object::new(),
            created_at,
            updated_at: None,
        }
    }
}
