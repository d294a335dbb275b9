//! A port: one network interface of a node.

use crate::ids::{MacAddress, NodeId, PortId};
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything stored about a port. A MAC address belongs to one port only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    pub uuid: PortId,
    pub address: MacAddress,
    pub node_uuid: NodeId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub extra: Object,
    pub internal_info: Object,
    pub local_link_connection: Object,
    pub physical_network: Option<String>,
    pub portgroup_uuid: Option<Uuid>,
    pub pxe_enabled: bool,
    pub is_smartnic: bool,
    pub vendor: Option<String>,
    pub category: Option<String>,
    pub available_for_dynamic_portgroup: bool,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

impl Port {
    /// A port that may boot from the network, as Ironic makes it from an address alone.
    pub fn new(
        uuid: PortId,
        address: MacAddress,
        node_uuid: NodeId,
        created_at: Timestamp,
    ) -> Self {
        Self {
            uuid,
            address,
            node_uuid,
            name: None,
            description: None,
            extra: Object::new(),
            internal_info: Object::new(),
            local_link_connection: Object::new(),
            physical_network: None,
            portgroup_uuid: None,
            pxe_enabled: true,
            is_smartnic: false,
            vendor: None,
            category: None,
            available_for_dynamic_portgroup: true,
            created_at,
            updated_at: None,
        }
    }
}
