//! A port group: ports of one node that are bonded into one interface.

use crate::ids::{MacAddress, NodeId, PortgroupId};
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the ports of a group are bonded unless it says something else.
pub const DEFAULT_MODE: &str = "active-backup";

/// Everything stored about a port group. Its ports name it; it does not name them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portgroup {
    pub uuid: PortgroupId,
    pub node_uuid: NodeId,
    /// Of the bond; belongs to one group only, but may be that of a port.
    pub address: Option<MacAddress>,
    pub name: Option<String>,
    pub extra: Object,
    pub internal_info: Object,
    /// Whether its ports may also be used one by one, to boot from for instance.
    pub standalone_ports_supported: bool,
    /// As in Linux's bonding driver; not interpreted here.
    pub mode: String,
    /// Further settings of the bond.
    pub properties: Object,
    /// That of all its ports.
    pub physical_network: Option<String>,
    pub category: Option<String>,
    /// Whether it was made to attach an interface to, and goes with it.
    pub dynamic_portgroup: bool,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

impl Portgroup {
    /// A group without ports, as Ironic makes it from a node alone.
    pub fn new(uuid: PortgroupId, node_uuid: NodeId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            node_uuid,
            address: None,
            name: None,
            extra: Object::new(),
            internal_info: Object::new(),
            standalone_ports_supported: true,
            mode: DEFAULT_MODE.to_owned(),
            properties: Object::new(),
            physical_network: None,
            category: None,
            dynamic_portgroup: false,
            created_at,
            updated_at: None,
        }
    }
}
