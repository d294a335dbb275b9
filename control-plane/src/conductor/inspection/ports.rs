//! Ports from interfaces: `add_ports = pxe` makes a port of the one that the machine booted from, or of all when that is
//! not known; `keep_ports = all` deletes none; `update_pxe_enabled` has the others say that they do not boot.

use super::interfaces::Usable;
use ferric_model::ids::{MacAddress, NodeId, PortId};
use ferric_model::port::Port;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A port that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::conductor) struct NewPort {
    pub(in crate::conductor) address: MacAddress,
    client_id: Option<String>,
}

impl NewPort {
    pub(in crate::conductor) fn into_port(self, id: Uuid, node: NodeId, now: Timestamp) -> Port {
        let mut port = Port::new(PortId(id), self.address, node, now);
        port.extra
            .extend(self.client_id.map(|id| ("client-id".to_owned(), json!(id))));
        port
    }
}

/// What is to be done to the node's ports.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) new: Vec<NewPort>,
    pub(super) changed: Vec<Port>,
    pub(super) notes: Vec<String>,
}

pub(super) fn plan(ports: &[Port], taken: &BTreeSet<MacAddress>, interfaces: &[Usable]) -> Plan {
    let boot_known = interfaces.iter().any(|interface| interface.booted);
    let mut plan = Plan::default();
    for interface in interfaces {
        let address = interface.address.clone();
        if taken.contains(&address) {
            plan.notes.push(format!(
                "{} has the address {address}, which is a port of another node: ignored",
                interface.name
            ));
            continue;
        }
        let known = ports.iter().any(|port| port.address == address);
        if !known && (interface.booted || !boot_known) {
            plan.new.push(NewPort {
                address,
                client_id: interface.client_id.clone(),
            });
        }
    }
    if boot_known {
        for port in ports {
            let boots = interfaces
                .iter()
                .any(|interface| interface.booted && interface.address == port.address);
            if port.pxe_enabled != boots {
                plan.changed.push(Port {
                    pxe_enabled: boots,
                    ..port.clone()
                });
            }
        }
    }
    plan
}
