//! Whether a port may be in the port group that it names. Asked under the lock of the node, which both are on.

use super::portgroups::{has_vif, stands_alone};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::ids::PortgroupId;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{Key, StoreError, Table};

/// Why a port is not in a group.
#[derive(Debug, thiserror::Error)]
pub(in crate::conductor) enum NotMember {
    #[error(transparent)]
    Refused(#[from] RequestError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotMember> for RequestError {
    fn from(error: NotMember) -> Self {
        match error {
            NotMember::Refused(refused) => refused,
            NotMember::Store(error) => error.into(),
        }
    }
}

impl Conductor {
    /// A new port: its group must be of the same node and in the same physical network. The group where it changes by it.
    pub(in crate::conductor) async fn check_new_member(
        &self,
        port: &Port,
    ) -> Result<Option<Portgroup>, NotMember> {
        let Some(group) = self.group_of(port).await? else {
            return Ok(None);
        };
        self.in_network(port, group).await
    }

    /// A port that changes: what a group demands of its ports is asked when the port joins it, or touches it. The group
    /// where it changes by it.
    pub(in crate::conductor) async fn check_member(
        &self,
        before: &Port,
        port: &Port,
        node: &Node,
    ) -> Result<Option<Portgroup>, NotMember> {
        let Some(group) = self.group_of(port).await? else {
            return Ok(None);
        };
        let joins = before.portgroup_uuid != port.portgroup_uuid;
        let asked = joins || before.pxe_enabled != port.pxe_enabled || has_vif(port);
        let is_noop = node.interface("network") == Some("noop");
        if asked && !is_noop && !group.standalone_ports_supported && stands_alone(port) {
            return Err(RequestError::Conflict(format!(
                "Portgroup {} does not support standalone ports: port {} cannot be in it while pxe_enabled is set or a virtual interface is attached",
                group.uuid, port.uuid
            ))
            .into());
        }
        if joins || before.physical_network != port.physical_network {
            return self.in_network(port, group).await;
        }
        Ok(None)
    }

    /// The group that the port names; 400 when there is none, or when it is of another node.
    async fn group_of(&self, port: &Port) -> Result<Option<Portgroup>, NotMember> {
        let Some(id) = port.portgroup_uuid.map(PortgroupId) else {
            return Ok(None);
        };
        let record = self.store().get(&Key::new(Table::Portgroup, id)).await?;
        let record = record
            .ok_or_else(|| RequestError::Invalid(format!("Portgroup {id} could not be found.")))?;
        let group: Portgroup = record.decode()?;
        if group.node_uuid != port.node_uuid {
            return Err(RequestError::Invalid(format!(
                "Port {} is on node {} and cannot be in portgroup {id}, which is on node {}.",
                port.uuid, port.node_uuid, group.node_uuid
            ))
            .into());
        }
        Ok(Some(group))
    }

    /// All ports of a group are in one physical network: that of its other ports, or of the group where it has none yet. A
    /// group that is in none takes that of its first port: it is returned with it.
    async fn in_network(
        &self,
        port: &Port,
        mut group: Portgroup,
    ) -> Result<Option<Portgroup>, NotMember> {
        let ports = self.ports_in(group.uuid).await?;
        let mut others = ports.into_iter().filter(|other| other.uuid != port.uuid);
        let wanted = match others.next() {
            Some(other) => other.physical_network,
            None if group.physical_network.is_none() => {
                group.physical_network.clone_from(&port.physical_network);
                group.updated_at = Some(self.now());
                return Ok(Some(group).filter(|group| group.physical_network.is_some()));
            }
            None => group.physical_network.clone(),
        };
        if port.physical_network == wanted {
            return Ok(None);
        }
        let name = |network: &Option<String>| network.clone().unwrap_or_else(|| "none".to_owned());
        Err(RequestError::Conflict(format!(
            "Port with physical network {} cannot become a member of portgroup {}, whose physical network is {}.",
            name(&port.physical_network),
            group.uuid,
            name(&wanted)
        ))
        .into())
    }
}
