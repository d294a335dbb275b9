//! Several conductors on one store, with one machine. What the machine says goes to the conductor that owns its node, as
//! whoever is asked sends it on.

use super::agent::Plan;
use super::lab::Lab;
use super::machine::Wire;
use super::shared_store::{Server, SharedStore};
use crate::boot::BootPlane;
use crate::conductor::{
    AgentAnswer, AgentCall, AgentTransport, Conductor, Parts, RunError, SystemEnvironment,
    TransportError, Verb,
};
use crate::config::Settings;
use async_trait::async_trait;
use ferric_drivers::Enabled;
use ferric_model::conductor::ConductorRecord;
use ferric_model::hash_ring::RingSettings;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::{Incarnation, NodeId};
use ferric_model::node::{Node, Ownership};
use ferric_store::{Key, Query, Table};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One conductor, as a process of its own.
pub(in crate::conductor) struct Member {
    pub(in crate::conductor) conductor: Conductor,
    pub(super) store: Arc<SharedStore>,
    told: Arc<Told>,
    life: JoinSet<Result<(), RunError>>,
    stop: CancellationToken,
}

impl Member {
    /// How often it told an agent to do something.
    pub(super) fn told(&self) -> usize {
        self.told.posts.load(Ordering::SeqCst)
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.life = JoinSet::new();
        self.conductor.kill();
    }

    /// SIGTERM, to its end.
    pub(in crate::conductor) async fn stop(&mut self) -> Result<(), RunError> {
        self.stop.cancel();
        self.ended().await
    }

    pub(super) async fn ended(&mut self) -> Result<(), RunError> {
        self.life.join_next().await.expect("it lives").unwrap()
    }
}

/// The way from one conductor to the machine's agent.
struct Told {
    wire: Wire,
    store: Arc<SharedStore>,
    posts: AtomicUsize,
}

#[async_trait]
impl AgentTransport for Told {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        if call.verb == Verb::Post {
            self.posts.fetch_add(1, Ordering::SeqCst);
        }
        let answer = self.wire.send(call).await;
        self.store.thawed().await;
        answer
    }
}

pub(in crate::conductor) struct Cluster {
    pub(in crate::conductor) lab: Lab,
    pub(super) server: Arc<Server>,
    /// By name.
    reachable: Arc<Mutex<BTreeMap<String, Conductor>>>,
    tasks: JoinSet<()>,
    /// Of the conductors that are started from now on.
    pub(super) late: Duration,
    /// What each conductor has set for itself, by its name.
    pub(super) configure: fn(&str, &mut Settings),
    /// What each conductor can work on, by its name.
    pub(super) enabled: fn(&str) -> Enabled,
}

impl Cluster {
    pub(in crate::conductor) fn new() -> Self {
        let lab = Lab::new();
        lab.plan(Plan {
            writing: Duration::from_secs(11),
            ..Plan::default()
        });
        let server = Server::new(lab.store.clone());
        let reachable = Arc::<Mutex<BTreeMap<String, Conductor>>>::default();
        let mut tasks = JoinSet::new();
        let (machine, store, known) = (lab.machine.clone(), lab.store.clone(), reachable.clone());
        tasks.spawn(async move {
            loop {
                let key = Key::new(Table::Node, machine.node);
                let node = store.get(&key).await.unwrap();
                let owner = node.and_then(|node| node.decode::<Node>().unwrap().ownership);
                let conductor = {
                    let known = known.lock();
                    match owner {
                        Some(owner) => known.get(&owner.conductor).cloned(),
                        None => known.values().next().cloned(),
                    }
                };
                machine.state.lock().conductor = conductor;
                sleep(Duration::from_millis(100)).await;
            }
        });
        Self {
            lab,
            server,
            reachable,
            tasks,
            late: Duration::ZERO,
            configure: |_, _| {},
            enabled: |_| Enabled::default(),
        }
    }

    pub(in crate::conductor) async fn start(&self, name: &str) -> Member {
        let mut settings = Settings::clone(&self.lab.settings);
        name.clone_into(&mut settings.host);
        (self.configure)(name, &mut settings);
        let settings = Arc::new(settings);
        let store = SharedStore::new(self.server.clone(), self.late);
        let told = Arc::new(Told {
            wire: Wire(self.lab.machine.clone()),
            store: store.clone(),
            posts: AtomicUsize::new(0),
        });
        let conductor = Conductor::new(Parts {
            boot: BootPlane::new(settings.clone(), store.clone(), reqwest::Client::new()),
            settings,
            store: store.clone(),
            drivers: Arc::new(self.lab.drivers()),
            enabled: (self.enabled)(name),
            environment: Arc::new(SystemEnvironment::new()),
            transport: told.clone(),
        });
        let (stop, mut life) = (CancellationToken::new(), JoinSet::new());
        let (started, ready) = oneshot::channel();
        let (living, until) = (conductor.clone(), stop.clone());
        life.spawn(async move {
            living.start().await?;
            started.send(()).unwrap_or_default();
            living.run(until).await
        });
        ready.await.unwrap();
        self.reachable
            .lock()
            .insert(name.to_owned(), conductor.clone());
        sleep(Duration::from_millis(200)).await;
        Member {
            conductor,
            store,
            told,
            life,
            stop,
        }
    }

    /// Several, by name.
    pub(in crate::conductor) async fn start_all(&self, names: &[&str]) -> BTreeMap<String, Member> {
        let mut members = BTreeMap::new();
        for name in names {
            members.insert((*name).to_owned(), self.start(name).await);
        }
        members
    }

    /// SIGKILL.
    pub(in crate::conductor) fn kill(&self, name: &str, mut member: Member) {
        self.reachable.lock().remove(name);
        self.lab.machine.state.lock().conductor = None;
        member.kill();
    }

    /// Machines know no conductor of this name any more.
    pub(super) fn forget(&self, name: &str) {
        self.reachable.lock().remove(name);
    }

    pub(super) async fn owner(&self) -> Ownership {
        self.lab.node().await.ownership.expect("an owner")
    }

    /// Waits until the machine's node is this conductor's. Answers how long it took.
    pub(super) async fn owned_by(&self, name: &str, limit: Duration) -> Duration {
        let start = Instant::now();
        loop {
            let owner = self.owner().await.conductor;
            if owner == name {
                return start.elapsed();
            }
            assert!(start.elapsed() < limit, "{owner} has it, not {name}");
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until the node has another owner.
    pub(super) async fn changes_hands(&self, limit: Duration) -> Duration {
        let (start, before) = (Instant::now(), self.owner().await);
        while self.owner().await == before {
            assert!(start.elapsed() < limit, "it stays with {before:?}");
            sleep(Duration::from_secs(1)).await;
        }
        start.elapsed()
    }

    pub(super) async fn record(&self, name: &str) -> ConductorRecord {
        let key = Key::new(Table::Conductor, name);
        let found = self.lab.store.get(&key).await.unwrap();
        found.expect("it has registered").decode().unwrap()
    }

    /// All nodes with their owners.
    pub(super) async fn owners(&self) -> BTreeMap<NodeId, (String, u64)> {
        let page = self.lab.store.page(&Query::all(Table::Node)).await.unwrap();
        let nodes = page.records.into_iter().map(|record| {
            let node: Node = record.decode().unwrap();
            let owner = node.ownership.expect("an owner");
            (node.uuid, (owner.conductor, owner.epoch.0))
        });
        nodes.collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tasks.abort_all();
        self.lab.machine.state.lock().conductor = None;
    }
}

/// The conductor of these that the ring gives a node to.
pub(super) fn host_among(names: &[&str], node: NodeId) -> String {
    host_in("", names, node)
}

/// The same where these conductors and the node are of a group.
pub(super) fn host_in(group: &str, names: &[&str], node: NodeId) -> String {
    let record = |name: &&str| ConductorRecord {
        hostname: (*name).to_owned(),
        incarnation: Incarnation(Uuid::nil()),
        conductor_group: group.to_owned(),
        drivers: vec!["fake-hardware".to_owned()],
        interfaces: BTreeMap::new(),
        online: true,
        address: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        own_clock: None,
    };
    let records: Vec<_> = names.iter().map(record).collect();
    let rings = Rings::new(&records, RingSettings::default());
    rings.host(group, "fake-hardware", node).unwrap().to_owned()
}
