//! Virtual interfaces of an instance on the ports and port groups of its node, kept in their `internal_info` as Ironic
//! does. Attaching and detaching is a change of the node: under its lock, at its owner.
//!
//! Who serves them is the node's network interface: `standalone` keeps them here, `noop` takes them and knows none, and
//! those of `flat` are ports of Neutron, which is not there. No switch is configured and no address is given out.

use super::Conductor;
use super::forward::NodeCall;
use super::node_task::{Change, NodeTask, TaskError};
use super::requests::{ATTACHED_VIF, RequestError};
use ferric_model::event::What;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Record, Revision, StoreError, Transaction,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const PURPOSE: &str = "changing its virtual interfaces";

/// What is to be done with the virtual interfaces of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VifChange {
    Attach(VifAttachment),
    /// By the first of these names that is attached.
    Detach {
        names: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VifAttachment {
    pub id: String,
    pub place: VifPlace,
    /// Ports of other physical networks are left alone; those that are known to be in it come first.
    pub physical_network: Option<String>,
}

/// Where the client wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VifPlace {
    Any,
    /// By its UUID.
    Port(String),
    Portgroup(String),
}

/// What a network interface does about virtual interfaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    /// Whatever is asked for is fine, and nothing is kept.
    None,
    Kept,
}

/// What of a node a virtual interface can sit on.
enum Plug {
    Port(Box<Port>),
    Group(Box<Portgroup>),
}

impl Conductor {
    /// Attaches or detaches a virtual interface. `Invalid`: there is no free port, or it is not attached; `Conflict`: it is
    /// attached already.
    pub async fn change_vif(&self, id: NodeId, change: VifChange) -> Result<(), RequestError> {
        let call = NodeCall::ChangeVif { node: id, change };
        self.at_owner(call).await?.nothing()
    }

    /// The names of those that are attached: of the ports, then of the port groups.
    pub async fn vifs_of(&self, node: &Node) -> Result<Vec<String>, RequestError> {
        if service(node)? == Service::None {
            return Ok(Vec::new());
        }
        let plugs = self.plugs_of(node.uuid).await?;
        let vifs = plugs.iter().filter_map(|(_, plug)| plug.vif());
        Ok(vifs.map(str::to_owned).collect())
    }

    pub(super) async fn do_change_vif(
        &self,
        id: NodeId,
        change: VifChange,
    ) -> Result<(), RequestError> {
        let mut task = self.task(id, PURPOSE).await?;
        if service(&task.node)? == Service::None {
            return Ok(());
        }
        let plugs = self.plugs_of(id).await?;
        let (revision, plug, text) = match change {
            VifChange::Attach(wanted) => attach(&task.node, plugs, wanted)?,
            VifChange::Detach { names } => detach(&task.node, plugs, &names)?,
        };
        let now = self.now();
        let change = task
            .change()
            .event(What::Note { text })
            .beside(|transaction| plug.store(revision, now, transaction));
        Ok(task.save(change).await?)
    }

    /// An instance that goes takes its virtual interfaces along, in the commit that says so.
    pub(super) async fn without_vifs(
        &self,
        task: &NodeTask,
        mut change: Change,
    ) -> Result<Change, TaskError> {
        let now = self.now();
        for (revision, mut plug) in self.plugs_of(task.id()).await? {
            if plug.info_mut().shift_remove(ATTACHED_VIF).is_some() {
                change = change.beside(|transaction| plug.store(revision, now, transaction));
            }
        }
        Ok(change)
    }

    /// The node's ports, and then its port groups.
    async fn plugs_of(&self, node: NodeId) -> Result<Vec<(Revision, Plug)>, StoreError> {
        let mut plugs = Vec::new();
        for record in self.on_node::<Port>(node).await? {
            plugs.push((record.revision, Plug::Port(Box::new(record.decode()?))));
        }
        for record in self.on_node::<Portgroup>(node).await? {
            plugs.push((record.revision, Plug::Group(Box::new(record.decode()?))));
        }
        Ok(plugs)
    }

    async fn on_node<E: Entity>(&self, node: NodeId) -> Result<Vec<Record>, StoreError> {
        let node = FieldValue::Text(node.to_string());
        let query = Query::all(E::TABLE).filter("node_uuid", vec![node]);
        Ok(self.store().page(&query).await?.records)
    }
}

impl Plug {
    fn info(&self) -> &Object {
        match self {
            Self::Port(port) => &port.internal_info,
            Self::Group(group) => &group.internal_info,
        }
    }

    fn info_mut(&mut self) -> &mut Object {
        match self {
            Self::Port(port) => &mut port.internal_info,
            Self::Group(group) => &mut group.internal_info,
        }
    }

    fn vif(&self) -> Option<&str> {
        self.info().get(ATTACHED_VIF).and_then(Value::as_str)
    }

    fn key(&self) -> Key {
        match self {
            Self::Port(port) => port.key(),
            Self::Group(group) => group.key(),
        }
    }

    fn store(self, revision: Revision, now: Timestamp, transaction: Transaction) -> Transaction {
        let transaction = transaction.expect(Expectation::Revision(self.key(), revision));
        let updated_at = Some(now);
        match self {
            Self::Port(port) => transaction.put(&Port {
                updated_at,
                ..*port
            }),
            Self::Group(group) => transaction.put(&Portgroup {
                updated_at,
                ..*group
            }),
        }
    }

    /// As it is told of: `port` and the UUID.
    fn name(&self) -> String {
        match self {
            Self::Port(port) => format!("port {}", port.uuid),
            Self::Group(group) => format!("port group {}", group.uuid),
        }
    }
}

fn service(node: &Node) -> Result<Service, RequestError> {
    match node.interface("network") {
        Some("noop") => Ok(Service::None),
        Some("standalone") => Ok(Service::Kept),
        other => Err(RequestError::Invalid(format!(
            "The virtual interfaces of node {}, whose network interface is {}, would be ports of Neutron, which is not \
             supported: set network_interface to standalone, which keeps them without Neutron, or to noop",
            node.uuid,
            other.unwrap_or("not known")
        ))),
    }
}

type Changed = (Revision, Plug, String);

fn attach(
    node: &Node,
    plugs: Vec<(Revision, Plug)>,
    wanted: VifAttachment,
) -> Result<Changed, RequestError> {
    let id = &wanted.id;
    if let Some((_, plug)) = plugs.iter().find(|(_, plug)| plug.vif() == Some(id)) {
        return Err(RequestError::Conflict(format!(
            "Unable to attach VIF {id} to node {}: it is attached to its {} already",
            node.uuid,
            plug.name()
        )));
    }
    let Some((revision, mut plug)) = free(plugs, &wanted) else {
        return Err(RequestError::Invalid(format!(
            "Unable to attach VIF {id} to node {}: {} is free for it",
            node.uuid,
            wanted.sought()
        )));
    };
    let text = format!("virtual interface {id} attached to {}", plug.name());
    plug.info_mut()
        .insert(ATTACHED_VIF.to_owned(), Value::from(wanted.id));
    Ok((revision, plug, text))
}

fn detach(
    node: &Node,
    mut plugs: Vec<(Revision, Plug)>,
    names: &[String],
) -> Result<Changed, RequestError> {
    let place_of = |name: &str| plugs.iter().position(|(_, plug)| plug.vif() == Some(name));
    let mut places = names.iter().map(|name| (place_of(name), name));
    let Some((Some(place), name)) = places.find(|(place, _)| place.is_some()) else {
        let name = names.first().map_or("", String::as_str);
        return Err(RequestError::Invalid(format!(
            "Unable to detach VIF {name} from node {} because it is not attached to it.",
            node.uuid
        )));
    };
    let (revision, mut plug) = plugs.swap_remove(place);
    plug.info_mut().shift_remove(ATTACHED_VIF);
    let text = format!("virtual interface {name} detached from {}", plug.name());
    Ok((revision, plug, text))
}

impl VifAttachment {
    fn sought(&self) -> String {
        let place = match &self.place {
            VifPlace::Any => "no port or port group".to_owned(),
            VifPlace::Port(port) => format!("no port {port} by itself"),
            VifPlace::Portgroup(group) => format!("no port group {group} with a port"),
        };
        match &self.physical_network {
            Some(network) => format!("{place} in the physical network {network}"),
            None => place,
        }
    }

    /// Where nothing is known of a port's network, it fits.
    fn fits(&self, network: Option<&str>) -> bool {
        let wanted = self.physical_network.as_deref();
        wanted.is_none() || network.is_none() || wanted == network
    }

    fn is_of(&self, network: Option<&str>) -> bool {
        self.physical_network.is_some() && self.physical_network.as_deref() == network
    }
}

/// The groups whose ports say something about them.
#[derive(Default)]
struct Groups {
    /// A port of theirs is in use by itself: they can be used by their ports only.
    split: BTreeSet<Uuid>,
    /// They have free ports, in this physical network.
    ready: BTreeMap<Uuid, Option<String>>,
}

impl Groups {
    fn of(plugs: &[(Revision, Plug)], wanted: &VifAttachment) -> Self {
        let mut groups = Self::default();
        for (_, plug) in plugs {
            let Plug::Port(port) = plug else { continue };
            let Some(group) = port.portgroup_uuid else {
                continue;
            };
            if plug.vif().is_some() {
                groups.split.insert(group);
            } else if wanted.fits(port.physical_network.as_deref()) {
                groups.ready.insert(group, port.physical_network.clone());
            }
        }
        groups
    }

    /// The ports of a group are for the group, and a group without a free port is of no use.
    fn offer(&self, plug: &Plug, wanted: &VifAttachment) -> bool {
        match (plug, &wanted.place) {
            (Plug::Port(port), VifPlace::Port(uuid)) => {
                port.portgroup_uuid.is_none()
                    && port.uuid.to_string() == *uuid
                    && wanted.fits(port.physical_network.as_deref())
            }
            (Plug::Port(port), VifPlace::Any) => {
                let group = port.portgroup_uuid;
                group.is_none_or(|group| self.split.contains(&group))
                    && wanted.fits(port.physical_network.as_deref())
            }
            (Plug::Group(group), VifPlace::Portgroup(uuid)) => {
                group.uuid.to_string() == *uuid && self.is_whole(group)
            }
            (Plug::Group(group), VifPlace::Any) => self.is_whole(group),
            (Plug::Port(_), VifPlace::Portgroup(_)) | (Plug::Group(_), VifPlace::Port(_)) => false,
        }
    }

    fn is_whole(&self, group: &Portgroup) -> bool {
        let id = &group.uuid.0;
        self.ready.contains_key(id) && !self.split.contains(id)
    }

    /// What is known to be in the network that is wanted, then groups, then the ports that the machine boots by.
    fn rank(&self, plug: &Plug, wanted: &VifAttachment) -> (bool, bool, bool) {
        match plug {
            Plug::Group(group) => {
                let network = self.ready.get(&group.uuid.0).and_then(Option::as_deref);
                (wanted.is_of(network), true, true)
            }
            Plug::Port(port) => {
                let network = port.physical_network.as_deref();
                (wanted.is_of(network), false, port.pxe_enabled)
            }
        }
    }
}

/// The best one that is free, of equal ones the first.
fn free(plugs: Vec<(Revision, Plug)>, wanted: &VifAttachment) -> Option<(Revision, Plug)> {
    let groups = Groups::of(&plugs, wanted);
    let free = plugs
        .into_iter()
        .filter(|(_, plug)| plug.vif().is_none() && groups.offer(plug, wanted));
    free.min_by_key(|(_, plug)| Reverse(groups.rank(plug, wanted)))
}
