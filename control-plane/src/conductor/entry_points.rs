//! What the API may ask of the conductor. What is about a node is done by the node's owner.
//!
//! The API calls these methods and reads the store; it opens no transaction. Knows no HTTP status.

use super::forward::{Certificate, ForwardFigures, NodeCall, Update};
use super::inbox::Message;
use super::periodic::JobFigures;
use super::requests::{
    HeartbeatRequest, InspectionRequest, LookupAnswer, LookupRequest, Maintenance,
    ProvisionRequest, RequestError, Validation,
};
use super::{Conductor, OwnershipFigures, validation};
use ferric_drivers::{BootDevice, BootSetting, Persistence, PowerAction};
use ferric_model::hash_ring::groups::{NoHost, Rings};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::Record;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl Conductor {
    /// Stores a new node: resolves the interfaces it does not name, takes it over and writes its first event.
    pub async fn create_node(&self, node: Node) -> Result<Node, RequestError> {
        self.create_where_known(node).await
    }

    /// Stores a changed node, if it still stands as in `old` and nobody works on it.
    pub async fn update_node(&self, old: &Record, new: Node) -> Result<Node, RequestError> {
        self.take_to_move(old, &new).await?;
        let update = Box::new(Update::of(old, new)?);
        self.at_owner(NodeCall::UpdateNode(update)).await?.node()
    }

    /// Deletes a node with its ports and inventory.
    pub async fn destroy_node(&self, id: NodeId) -> Result<(), RequestError> {
        self.take_to_delete(id).await?;
        let call = NodeCall::DestroyNode { node: id };
        self.at_owner(call).await?.nothing()
    }

    /// Stores a new port of an existing node.
    pub async fn create_port(&self, port: Port) -> Result<Port, RequestError> {
        let port = Box::new(port);
        self.at_owner(NodeCall::CreatePort { port }).await?.port()
    }

    /// Stores a changed port, if it still stands as in `old` and nobody works on its node.
    pub async fn update_port(&self, old: &Record, new: Port) -> Result<Port, RequestError> {
        let update = Box::new(Update::of(old, new)?);
        self.at_owner(NodeCall::UpdatePort(update)).await?.port()
    }

    /// Deletes a port.
    pub async fn destroy_port(&self, id: PortId) -> Result<(), RequestError> {
        let node = self.port(id).await?.node_uuid;
        let call = NodeCall::DestroyPort { node, port: id };
        self.at_owner(call).await?.nothing()
    }

    /// Starts what the verb asks for (202); the work goes on in the background.
    pub async fn provision(
        &self,
        id: NodeId,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        let request = Box::new(request);
        let call = NodeCall::Provision { node: id, request };
        self.at_owner(call).await?.nothing()
    }

    /// Starts a power action (202). `timeout` bounds the wait for the state it leads to.
    pub async fn set_power(
        &self,
        id: NodeId,
        action: PowerAction,
        timeout: Option<Duration>,
    ) -> Result<(), RequestError> {
        let call = NodeCall::SetPower {
            node: id,
            action,
            timeout,
        };
        self.at_owner(call).await?.nothing()
    }

    /// Sets or clears maintenance; clearing it also clears a fault.
    pub async fn set_maintenance(
        &self,
        id: NodeId,
        maintenance: Maintenance,
    ) -> Result<(), RequestError> {
        let call = NodeCall::SetMaintenance {
            node: id,
            maintenance,
        };
        self.at_owner(call).await?.nothing()
    }

    /// Asks the BMC what the machine boots from.
    pub async fn boot_device(&self, id: NodeId) -> Result<BootSetting, RequestError> {
        let call = NodeCall::BootDevice { node: id };
        self.at_owner(call).await?.boot_setting()
    }

    /// Tells the BMC what the machine is to boot from.
    pub async fn set_boot_device(
        &self,
        id: NodeId,
        device: BootDevice,
        persistence: Persistence,
    ) -> Result<(), RequestError> {
        let call = NodeCall::SetBootDevice {
            node: id,
            device,
            persistence,
        };
        self.at_owner(call).await?.nothing()
    }

    /// Asks the BMC what the machine can be told to boot from.
    pub async fn supported_boot_devices(
        &self,
        id: NodeId,
    ) -> Result<Vec<BootDevice>, RequestError> {
        let call = NodeCall::SupportedBootDevices { node: id };
        self.at_owner(call).await?.boot_devices()
    }

    /// What each interface says of the node's settings, by kind (`power`, `deploy`, ...).
    pub async fn validate(&self, id: NodeId) -> Result<BTreeMap<String, Validation>, RequestError> {
        let (node, ports) = (self.node(id).await?, self.ports_of(id).await?);
        let found = validation::of_node(self, &node, &ports);
        Ok(Box::pin(validation::with_glance(self, &node, found)).await)
    }

    /// Which node a ramdisk runs on. Never refused because of a lock; `NotFound` for every reason not to answer.
    pub async fn lookup(&self, request: LookupRequest) -> Result<LookupAnswer, RequestError> {
        let node = self.asker(&request).await?;
        let call = NodeCall::Lookup { node, request };
        self.at_owner(call).await?.identified()
    }

    /// A ramdisk's sign of life. Never refused because of a lock.
    pub async fn heartbeat(
        &self,
        id: NodeId,
        request: HeartbeatRequest,
    ) -> Result<(), RequestError> {
        let call = NodeCall::Heartbeat { node: id, request };
        self.at_owner(call).await?.nothing()
    }

    /// What a ramdisk found, also on a machine that nobody has enrolled. Never refused because of a lock.
    pub async fn continue_inspection(
        &self,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        let Some(node) = self.inspected(&request).await? else {
            return self.discover(request).await;
        };
        let request = Box::new(request);
        let call = NodeCall::ContinueInspection { node, request };
        self.at_owner(call).await?.identified()
    }

    /// The conductor that the hash ring gives the node to; `None` when none is alive that could take it.
    pub async fn conductor_of(&self, node: &Node) -> Result<Option<String>, RequestError> {
        let rings = self.rings().await?;
        let host = rings.host(&node.conductor_group, &node.driver, node.uuid);
        Ok(host.ok().map(str::to_owned))
    }

    /// Whether a conductor is alive that could take the node. `Busy` while none at all is heard of: so it is when the
    /// store takes no beats, and then nobody is missing.
    pub async fn is_served(&self, node: &Node) -> Result<bool, RequestError> {
        let rings = self.rings().await?;
        match rings.host(&node.conductor_group, &node.driver, node.uuid) {
            Ok(_) => Ok(true),
            Err(NoHost::NotOffered { .. }) => Ok(false),
            Err(NoHost::NoConductor) => Err(RequestError::store_away()),
        }
    }

    /// What says of every node which conductor it belongs to, as of now.
    pub async fn rings(&self) -> Result<Arc<Rings>, RequestError> {
        Ok(self.do_rings().await?)
    }

    /// What the passes of each periodic job came to, by its purpose.
    pub fn periodic_figures(&self) -> BTreeMap<&'static str, JobFigures> {
        self.inner.periodic_figures.all()
    }

    /// What became of the calls that went to other conductors.
    pub fn forward_figures(&self) -> ForwardFigures {
        self.inner.forward_figures.all()
    }

    /// How many nodes changed hands.
    pub fn ownership_figures(&self) -> OwnershipFigures {
        self.inner.ownership_figures.all()
    }

    /// The certificates that the way to other conductors rests on.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.peers().certificates()
    }

    /// A machine asked for something to boot (`boot script ...`, `kernel`, ...): a line on the node's timeline.
    pub fn note_boot_request(&self, id: NodeId, what: String) {
        // One line less on a timeline is no reason to fail a boot.
        if self.settings().cluster.is_none() {
            drop(self.tell(id, Message::BootRequest(what)));
            return;
        }
        let this = self.clone();
        let call = NodeCall::NoteBootRequest { node: id, what };
        self.work()
            .spawn(async move { drop(this.at_owner(call).await) });
    }
}
