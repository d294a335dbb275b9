//! The conductor: the only one that writes nodes and ports, and the engine that drives them. What may be asked of it is in
//! `entry_points`; here is what it consists of.

mod agent;
mod allocations;
mod around;
mod boot_files;
mod bulk;
mod children;
mod composition;
mod config_drive;
mod dial_out;
mod discovery;
mod engine;
mod entry_points;
mod environment;
mod erasures;
pub mod explain;
mod fence;
mod flows;
mod forward;
mod handover;
mod hardware_records;
mod holder;
pub mod import;
mod inbox;
mod inspection;
mod inspection_rules;
mod known_nodes;
mod left_work;
mod life;
mod limits;
mod live;
mod locks;
mod machines;
mod management;
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
mod relay;
pub mod requests;
mod rings;
mod sensors;
mod standing;
mod steps;
mod subjects;
mod takeover;
mod validation;
mod vendor;
mod verbs;
mod vifs;
mod virtual_media;
mod walk;
mod wishes;
pub mod wrong_state;

#[cfg(test)]
mod tests;

pub use agent::{
    AgentAnswer, AgentCall, AgentTransport, HttpTransport, TransportError, Unanswered, Verb,
};
pub use bulk::Acceptance;
pub use environment::{Environment, SystemEnvironment};
pub use forward::{Certificate, CertificateKind, ForwardFigures, Peer, PeerError, Peers, Tell};
pub use life::RunError;
pub use live::Live;
pub use ownership_figures::OwnershipFigures;
pub use periodic::JobFigures;
pub use plain::{Plain, PlainDocument};
pub use planted::Planted;
pub use recipes::Recipe;
pub use sensors::Sensed;
pub use vifs::{VifAttachment, VifChange, VifPlace};

pub(crate) use engine::ABORT_AFTER;

use crate::boot::BootPlane;
use crate::config::{self, Settings};
use crate::erase_records::SigningKey;
use agent::{BothWays, Mailboxes};
use engine::{Driving, Work};
use fence::{Fence, FencedTransport};
use ferric_drivers::{Drivers, Enabled};
use ferric_model::ids::Incarnation;
use ferric_store::Store;
use forward::NoPeers;
use inbox::Inboxes;
use jiff::Timestamp;
use known_nodes::KnownNodes;
use locks::NodeLocks;
use parking_lot::Mutex;
use requests::RequestError;
use rings::RingCache;
use standing::Standing;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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
    mailboxes: Mailboxes,
    driving: Driving,
    work: Work,
    turns: Semaphore,
    periodic_figures: periodic::Figures,
    forward_figures: forward::Figures,
    ownership_figures: ownership_figures::Figures,
    sensor_board: sensors::SensorBoard,
    boot_files: boot_files::BootFiles,
    known_nodes: KnownNodes,
    workers: allocations::Workers,
    queues: bulk::Queues,
    live: live::LiveEvents,
    /// `None` until it is needed.
    erase_key: Mutex<Option<Arc<SigningKey>>>,
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
        let mailboxes = Mailboxes::default();
        let ids = parts.environment.clone();
        let both_ways = BothWays::new(parts.transport, mailboxes.clone(), ids);
        let transport = Arc::new(FencedTransport {
            transport: Arc::new(both_ways),
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
                mailboxes,
                driving: Driving::default(),
                work: Work::default(),
                turns: Semaphore::new(TURNS),
                periodic_figures: periodic::Figures::default(),
                forward_figures: forward::Figures::default(),
                ownership_figures: ownership_figures::Figures::default(),
                sensor_board: sensors::SensorBoard::default(),
                boot_files: boot_files::BootFiles::default(),
                known_nodes: KnownNodes::default(),
                workers: allocations::Workers::default(),
                queues: bulk::Queues::default(),
                live: live::LiveEvents::default(),
                erase_key: Mutex::new(None),
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

    fn known_nodes(&self) -> &KnownNodes {
        &self.inner.known_nodes
    }

    fn inboxes(&self) -> &Inboxes {
        &self.inner.inboxes
    }

    fn mailboxes(&self) -> &Mailboxes {
        &self.inner.mailboxes
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

    fn queues(&self) -> &bulk::Queues {
        &self.inner.queues
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
}

/// A future that is made in a frame of its own and kept on the heap: where one of many is awaited, a build without an
/// optimiser would keep room for all of them on the stack.
fn pinned<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
