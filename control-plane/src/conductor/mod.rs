//! The conductor: the only one that writes nodes and ports, and the engine that drives them.
//!
//! The API calls the methods here and reads the store; it opens no transaction. Knows no HTTP status.

mod agent;
mod allocations;
mod around;
mod boot_files;
mod children;
mod composition;
mod config_drive;
mod engine;
mod environment;
pub mod explain;
mod fence;
mod flows;
mod forward;
mod handover;
mod inbox;
mod inspection;
mod inspection_rules;
mod life;
mod limits;
mod live;
mod locks;
mod machines;
mod membership;
mod messages;
mod moving;
mod node_task;
mod nodes;
mod ownership_figures;
mod periodic;
mod plain;
pub mod plan;
mod planted;
mod ports;
mod power;
mod recipes;
pub mod requests;
mod rings;
mod sensors;
mod standing;
mod steps;
mod takeover;
mod validation;
mod verbs;
mod walk;

#[cfg(test)]
mod tests;

pub use agent::{AgentAnswer, AgentCall, AgentTransport, HttpTransport, TransportError, Verb};
pub use environment::{Environment, SystemEnvironment};
pub use forward::{Certificate, CertificateKind, ForwardFigures, Peer, PeerError, Peers};
pub use life::RunError;
pub use live::Live;
pub use ownership_figures::OwnershipFigures;
pub use periodic::JobFigures;
pub use plain::{Plain, PlainDocument};
pub use planted::Planted;
pub use recipes::Recipe;
pub use sensors::Sensed;

pub(crate) use engine::ABORT_AFTER;

use crate::boot::BootPlane;
use crate::config::{self, Settings};
use engine::{Driving, Work};
use fence::{Fence, FencedTransport};
use ferric_drivers::{BootDevice, BootSetting, Drivers, Enabled, Persistence, PowerAction};
use ferric_model::ids::{Incarnation, NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::{Key, Record, Store, Table};
use forward::{NoPeers, NodeCall, Update};
use inbox::{Inboxes, Message};
use jiff::Timestamp;
use locks::NodeLocks;
use node_task::{NodeTask, TaskError};
use requests::{
    HeartbeatRequest, InspectionRequest, LookupAnswer, LookupRequest, Maintenance,
    ProvisionRequest, RequestError, Validation,
};
use rings::RingCache;
use standing::Standing;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Nodes that are worked on at the same time; those that wait for their machine do not count.
const TURNS: usize = 256;

/// A handle to the conductor of this process; clones are the same one.
#[derive(Clone)]
pub struct Conductor {
    inner: Arc<Inner>,
}

/// What a conductor works with.
pub struct Parts {
    pub settings: Arc<Settings>,
    pub store: Arc<dyn Store>,
    pub drivers: Arc<Drivers>,
    /// Hardware types and interfaces that nodes may use.
    pub enabled: Enabled,
    pub boot: BootPlane,
    pub environment: Arc<dyn Environment>,
    pub transport: Arc<dyn AgentTransport>,
}

struct Inner {
    parts: Parts,
    peers: Arc<dyn Peers>,
    incarnation: Incarnation,
    fence: Arc<Fence>,
    standing: Standing,
    rings: Arc<RingCache>,
    locks: NodeLocks,
    inboxes: Inboxes,
    driving: Driving,
    work: Work,
    turns: Semaphore,
    periodic_figures: periodic::Figures,
    forward_figures: forward::Figures,
    ownership_figures: ownership_figures::Figures,
    sensor_board: sensors::SensorBoard,
    boot_files: boot_files::BootFiles,
    workers: allocations::Workers,
    live: live::LiveEvents,
    stop: CancellationToken,
    draining: CancellationToken,
}

impl Conductor {
    /// A new incarnation, which owns nothing until `start`, and has no way to other conductors.
    pub fn new(parts: Parts) -> Self {
        Self::with_peers(parts, Arc::new(NoPeers))
    }

    /// The same with a way to the others, for requests for their nodes.
    pub fn with_peers(parts: Parts, peers: Arc<dyn Peers>) -> Self {
        let incarnation = Incarnation(parts.environment.id());
        let beat_timeout = config::seconds(parts.settings.conductor.beat_timeout_s);
        let fence = Arc::new(Fence::new(parts.store.clone(), beat_timeout));
        parts.drivers.ask_before_calls(fence.clone());
        let transport = Arc::new(FencedTransport {
            transport: parts.transport,
            fence: fence.clone(),
        });
        let parts = Parts { transport, ..parts };
        let rings = Arc::new(RingCache::new(parts.settings.conductor.ring()));
        Self {
            inner: Arc::new(Inner {
                parts,
                peers,
                incarnation,
                fence,
                standing: Standing::default(),
                rings,
                locks: NodeLocks::default(),
                inboxes: Inboxes::default(),
                driving: Driving::default(),
                work: Work::default(),
                turns: Semaphore::new(TURNS),
                periodic_figures: periodic::Figures::default(),
                forward_figures: forward::Figures::default(),
                ownership_figures: ownership_figures::Figures::default(),
                sensor_board: sensors::SensorBoard::default(),
                boot_files: boot_files::BootFiles::default(),
                workers: allocations::Workers::default(),
                live: live::LiveEvents::default(),
                stop: CancellationToken::new(),
                draining: CancellationToken::new(),
            }),
        }
    }

    /// For reading; nobody but the conductor commits.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.parts.store
    }

    /// For properties and validation.
    pub fn drivers(&self) -> &Arc<Drivers> {
        &self.inner.parts.drivers
    }

    /// Hardware types and interfaces that nodes may use.
    pub fn enabled(&self) -> &Enabled {
        &self.inner.parts.enabled
    }

    pub fn settings(&self) -> &Settings {
        &self.inner.parts.settings
    }

    /// The time, as the conductor sees it.
    pub fn now(&self) -> Timestamp {
        self.inner.parts.environment.now()
    }

    /// Stores a new node: resolves the interfaces it does not name, takes it over and writes its first event.
    pub async fn create_node(&self, node: Node) -> Result<Node, RequestError> {
        let this = self.clone();
        self.tracked(async move { this.do_create_node(node).await })
            .await
    }

    /// Stores a changed node, if it still stands as in `old` and nobody works on it.
    pub async fn update_node(&self, old: &Record, new: Node) -> Result<Node, RequestError> {
        let update = Box::new(Update::of(old, new)?);
        self.at_owner(NodeCall::UpdateNode(update)).await?.node()
    }

    /// Deletes a node with its ports and inventory.
    pub async fn destroy_node(&self, id: NodeId) -> Result<(), RequestError> {
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
        Ok(validation::of_node(self, &node, &ports))
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

    /// What a ramdisk found. Never refused because of a lock.
    pub async fn continue_inspection(
        &self,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        let (node, request) = (self.inspected(&request).await?, Box::new(request));
        let call = NodeCall::ContinueInspection { node, request };
        self.at_owner(call).await?.identified()
    }

    /// The conductor that the hash ring gives the node to; `None` when none is alive that could take it.
    pub async fn conductor_of(&self, node: &Node) -> Result<Option<String>, RequestError> {
        Ok(self.do_conductor_of(node).await?)
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

/// For the rest of the conductor.
impl Conductor {
    fn host(&self) -> &str {
        &self.inner.parts.settings.host
    }

    fn incarnation(&self) -> Incarnation {
        self.inner.incarnation
    }

    fn boot(&self) -> &BootPlane {
        &self.inner.parts.boot
    }

    fn boot_files(&self) -> &boot_files::BootFiles {
        &self.inner.boot_files
    }

    fn peers(&self) -> &Arc<dyn Peers> {
        &self.inner.peers
    }

    fn transport(&self) -> &Arc<dyn AgentTransport> {
        &self.inner.parts.transport
    }

    fn new_id(&self) -> Uuid {
        self.inner.parts.environment.id()
    }

    fn planted(&self, fault: Planted) -> bool {
        self.inner.parts.environment.planted(fault)
    }

    fn new_token(&self) -> String {
        self.inner.parts.environment.token()
    }

    fn locks(&self) -> &NodeLocks {
        &self.inner.locks
    }

    fn inboxes(&self) -> &Inboxes {
        &self.inner.inboxes
    }

    fn driving(&self) -> &Driving {
        &self.inner.driving
    }

    fn work(&self) -> &Work {
        &self.inner.work
    }

    fn figures_of_jobs(&self) -> &periodic::Figures {
        &self.inner.periodic_figures
    }

    fn figures_of_forwards(&self) -> &forward::Figures {
        &self.inner.forward_figures
    }

    fn figures_of_ownership(&self) -> &ownership_figures::Figures {
        &self.inner.ownership_figures
    }

    fn sensor_board(&self) -> &sensors::SensorBoard {
        &self.inner.sensor_board
    }

    fn workers(&self) -> &allocations::Workers {
        &self.inner.workers
    }

    fn live(&self) -> &live::LiveEvents {
        &self.inner.live
    }

    fn stop_token(&self) -> &CancellationToken {
        &self.inner.stop
    }

    fn stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// How many more nodes may be worked on at this moment.
    fn free_turns(&self) -> usize {
        self.inner.turns.available_permits()
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.inner.turns.acquire().await.ok()
    }

    /// Work that goes on when whoever asked for it hangs up: half a change must not be left behind.
    async fn tracked<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, RequestError>> + Send + 'static,
    ) -> Result<T, RequestError> {
        let (done, answer) = oneshot::channel();
        self.work().spawn(async move {
            // Nobody may be left to read the answer.
            drop(done.send(work.await));
        });
        answer.await.unwrap_or_else(|_| {
            let panicked = "the task that worked on it panicked";
            Err(RequestError::internal("answering a request", panicked))
        })
    }

    async fn node(&self, id: NodeId) -> Result<Node, RequestError> {
        let record = self.store().get(&Key::new(Table::Node, id)).await?;
        let record = record
            .ok_or_else(|| RequestError::NotFound(format!("Node {id} could not be found.")))?;
        Ok(record.decode()?)
    }

    async fn port(&self, id: PortId) -> Result<Port, RequestError> {
        let record = self.store().get(&Key::new(Table::Port, id)).await?;
        let record = record
            .ok_or_else(|| RequestError::NotFound(format!("Port {id} could not be found.")))?;
        Ok(record.decode()?)
    }

    /// The node with its lock, for a request: a second asker waits a little and is then told who holds it.
    async fn task(&self, id: NodeId, purpose: &'static str) -> Result<NodeTask, RequestError> {
        let limit = crate::config::seconds(self.settings().conductor.node_lock_wait_s);
        let lock = self.locks().wait_for(id, purpose, limit).await.map_err(|held| {
            RequestError::Conflict(format!(
                "Node {id} is locked by host {} ({}), please retry after the current operation is completed.",
                self.host(),
                held.purpose
            ))
        })?;
        let mut task = NodeTask::load(self, lock).await?;
        task.drain().await?;
        Ok(task)
    }
}

impl From<TaskError> for RequestError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Gone(id) => Self::NotFound(format!("Node {id} could not be found.")),
            TaskError::Illegal(illegal) => Self::Invalid(illegal.to_string()),
            TaskError::Store(error) => error.into(),
            TaskError::NotOurs(_) | TaskError::Unsure(_) => Self::Busy {
                reason: error.to_string(),
                retry_after_s: 10,
            },
        }
    }
}
