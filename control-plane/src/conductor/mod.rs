//! The conductor: the only one that writes nodes and ports, and the engine that drives them.
//!
//! The API calls the methods here and reads the store; it opens no transaction. Knows no HTTP status.

pub mod requests;

use ferric_drivers::{BootDevice, BootSetting, Drivers, Enabled, Persistence, PowerAction};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::{Record, Store};
use requests::{
    HeartbeatRequest, InspectionRequest, LookupAnswer, LookupRequest, Maintenance,
    ProvisionRequest, RequestError, Validation,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A handle to the conductor of this process; clones are the same one.
#[derive(Clone)]
pub struct Conductor {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    drivers: Arc<Drivers>,
    enabled: Enabled,
}

fn not_yet() -> RequestError {
    RequestError::internal("asking for something that is being written", "not built in")
}

#[expect(
    clippy::unused_async,
    clippy::needless_pass_by_value,
    unused_variables,
    reason = "signatures first"
)]
impl Conductor {
    /// For reading; nobody but the conductor commits.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// For properties and validation.
    pub fn drivers(&self) -> &Arc<Drivers> {
        &self.inner.drivers
    }

    /// Hardware types and interfaces that nodes may use.
    pub fn enabled(&self) -> &Enabled {
        &self.inner.enabled
    }

    /// Stores a new node: resolves the interfaces it does not name, takes it over and writes its first event.
    pub async fn create_node(&self, node: Node) -> Result<Node, RequestError> {
        Err(not_yet())
    }

    /// Stores a changed node, if it still stands as in `old` and nobody works on it.
    pub async fn update_node(&self, old: &Record, new: Node) -> Result<Node, RequestError> {
        Err(not_yet())
    }

    /// Deletes a node with its ports and inventory.
    pub async fn destroy_node(&self, id: NodeId) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Stores a new port of an existing node.
    pub async fn create_port(&self, port: Port) -> Result<Port, RequestError> {
        Err(not_yet())
    }

    /// Stores a changed port, if it still stands as in `old` and nobody works on its node.
    pub async fn update_port(&self, old: &Record, new: Port) -> Result<Port, RequestError> {
        Err(not_yet())
    }

    /// Deletes a port.
    pub async fn destroy_port(&self, id: PortId) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Starts what the verb asks for (202); the work goes on in the background.
    pub async fn provision(
        &self,
        id: NodeId,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Starts a power action (202). `timeout` bounds the wait for the state it leads to.
    pub async fn set_power(
        &self,
        id: NodeId,
        action: PowerAction,
        timeout: Option<Duration>,
    ) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Sets or clears maintenance; clearing it also clears a fault.
    pub async fn set_maintenance(
        &self,
        id: NodeId,
        maintenance: Maintenance,
    ) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Asks the BMC what the machine boots from.
    pub async fn boot_device(&self, id: NodeId) -> Result<BootSetting, RequestError> {
        Err(not_yet())
    }

    /// Tells the BMC what the machine is to boot from.
    pub async fn set_boot_device(
        &self,
        id: NodeId,
        device: BootDevice,
        persistence: Persistence,
    ) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// Asks the BMC what the machine can be told to boot from.
    pub async fn supported_boot_devices(
        &self,
        id: NodeId,
    ) -> Result<Vec<BootDevice>, RequestError> {
        Err(not_yet())
    }

    /// What each interface says of the node's settings, by kind (`power`, `deploy`, ...).
    pub async fn validate(&self, id: NodeId) -> Result<BTreeMap<String, Validation>, RequestError> {
        Err(not_yet())
    }

    /// Which node a ramdisk runs on. Never refused because of a lock; `NotFound` for every reason not to answer.
    pub async fn lookup(&self, request: LookupRequest) -> Result<LookupAnswer, RequestError> {
        Err(not_yet())
    }

    /// A ramdisk's sign of life. Never refused because of a lock.
    pub async fn heartbeat(
        &self,
        id: NodeId,
        request: HeartbeatRequest,
    ) -> Result<(), RequestError> {
        Err(not_yet())
    }

    /// What a ramdisk found. Never refused because of a lock.
    pub async fn continue_inspection(
        &self,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        Err(not_yet())
    }

    /// The conductor that the hash ring gives the node to; `None` when none is alive that could take it.
    pub async fn conductor_of(&self, node: &Node) -> Option<String> {
        None
    }

    /// A machine asked for something to boot (`boot script`, `kernel`, ...): a line on the node's timeline.
    pub async fn note_boot_request(&self, id: NodeId, what: &str) {}
}
