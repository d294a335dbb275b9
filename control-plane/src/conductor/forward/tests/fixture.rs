//! Two conductors on one store that reach each other over TLS on loopback, with real time: sockets know no other.

use crate::boot::BootPlane;
use crate::cluster::certificates::{Authority, Member, Pair};
use crate::cluster::{HttpPeers, Identity};
use crate::conductor::tests::halting_store::HaltingStore;
use crate::conductor::{Conductor, HttpTransport, Parts, Peers, SystemEnvironment};
use crate::config::{Cluster, Http, Overrides, Settings};
use crate::listener::{self, Admission, Limits};
use axum::Router;
use ferric_drivers::{Drivers, Enabled, FakeMachines};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{EventFilter, Key, RedbStore, Store, Table, Transaction};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(super) const NODE: NodeId = NodeId(Uuid::from_u128(1));

/// What the conductors share.
pub(super) struct Cell {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Arc<dyn Store>,
    pub(super) authority: Pair,
    fakes: FakeMachines,
}

/// One of them.
pub(super) struct Running {
    pub(super) conductor: Conductor,
    pub(super) cluster: Cluster,
    pub(super) identity: Arc<Identity>,
    serving: JoinSet<()>,
}

impl Running {
    /// Its listener is there no more.
    pub(super) async fn silence(&mut self) {
        self.serving.shutdown().await;
    }
}

/// What a conductor serves to the others, and how it reaches them.
pub(super) struct Way {
    pub(super) router: fn(Conductor) -> Router,
    pub(super) forward_timeout_s: u64,
    pub(super) peers: Option<Arc<dyn Peers>>,
    pub(super) enabled: Enabled,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            router: crate::cluster::router,
            forward_timeout_s: 30,
            peers: None,
            enabled: Enabled::default(),
        }
    }
}

impl Cell {
    pub(super) fn new() -> Self {
        crate::tls::install_provider();
        Self {
            folder: tempfile::tempdir().unwrap(),
            store: HaltingStore::shared(Arc::new(RedbStore::in_memory().unwrap())),
            authority: Authority::make(today()).unwrap(),
            fakes: FakeMachines::default(),
        }
    }

    pub(super) async fn start(&self, host: &str, way: Way) -> Running {
        let listener = listener::bind("127.0.0.1:0".parse().unwrap(), "a test")
            .await
            .unwrap();
        let state = self.folder.path().join(host);
        std::fs::create_dir_all(&state).unwrap();
        let address = listener.local_addr().unwrap();
        let cluster = Cluster {
            listen: address,
            url: format!("https://{address}"),
            ca: state.join("ca.pem"),
            certificate: state.join("certificate.pem"),
            key: state.join("key.pem"),
            forward_timeout_s: way.forward_timeout_s,
        };
        certify(&cluster, &self.authority, host);
        let identity = Arc::new(Identity::load(&cluster, host).unwrap());
        let peers = way
            .peers
            .unwrap_or_else(|| Arc::new(HttpPeers::new(identity.clone())));
        let parts = Parts {
            enabled: way.enabled,
            ..self.parts(&state, host, Some(cluster.clone()))
        };
        let conductor = Conductor::with_peers(parts, peers);
        conductor.start().await.unwrap();
        let mut serving = JoinSet::new();
        let served = (
            Admission::Conductors(identity.clone()),
            (way.router)(conductor.clone()),
        );
        let stop = CancellationToken::new();
        let limits = Limits::new(Http::default());
        serving.spawn(listener::serve(listener, served, limits, stop));
        Running {
            conductor,
            cluster,
            identity,
            serving,
        }
    }

    pub(super) fn parts(&self, state: &Path, host: &str, cluster: Option<Cluster>) -> Parts {
        let overrides = Overrides {
            state_dir: Some(state.to_owned()),
            ..Overrides::default()
        };
        let mut settings = Settings::load(None, overrides).unwrap();
        host.clone_into(&mut settings.host);
        settings.cluster = cluster;
        settings.boot.dnsmasq_hosts_dir = Some(state.join("hosts"));
        let settings = Arc::new(settings);
        let client = reqwest::Client::new();
        Parts {
            boot: BootPlane::new(settings.clone(), self.store.clone(), client),
            settings,
            store: self.store.clone(),
            drivers: Arc::new(Drivers::new(
                ferric_drivers::Settings::default(),
                self.fakes.clone(),
            )),
            enabled: Enabled::default(),
            environment: Arc::new(SystemEnvironment::new()),
            transport: Arc::new(HttpTransport::default()),
        }
    }

    /// Conductor `one`, which has a node, and conductor `two`, which is asked.
    pub(super) async fn pair(&self) -> (Running, Running) {
        self.pair_of(Way::default(), Way::default()).await
    }

    pub(super) async fn pair_of(&self, owner: Way, asked: Way) -> (Running, Running) {
        let one = self.start("one", owner).await;
        let node = Node::new(NODE, "fake-hardware", one.conductor.now());
        one.conductor.create_node(node).await.unwrap();
        (one, self.start("two", asked).await)
    }

    pub(super) async fn node(&self) -> Node {
        let key = Key::new(Table::Node, NODE);
        let record = self.store.get(&key).await.unwrap();
        record.expect("the node").decode().unwrap()
    }

    /// Behind the conductors' backs.
    pub(super) async fn edit(&self, edit: impl FnOnce(&mut Node)) {
        let mut node = self.node().await;
        edit(&mut node);
        let changed = Transaction::new().put(&node);
        self.store.commit(changed).await.unwrap();
    }

    /// Who wrote the lines of the node's timeline.
    pub(super) async fn writers(&self) -> Vec<String> {
        let filter = EventFilter {
            node: Some(NODE),
            ..EventFilter::default()
        };
        let events = self.store.events(&filter).await.unwrap();
        let writers = events.into_iter().map(|stored| stored.event.conductor);
        writers.collect()
    }
}

pub(super) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
}

/// A new certificate for the conductor, by this authority alone.
pub(super) fn certify(cluster: &Cluster, authority: &Pair, host: &str) {
    let member = Member {
        host: host.to_owned(),
        url: cluster.url.clone(),
    };
    let pair = Authority::from_key(&authority.key)
        .unwrap()
        .issue(&member, today())
        .unwrap();
    std::fs::write(&cluster.ca, &authority.certificate).unwrap();
    std::fs::write(&cluster.certificate, pair.certificate).unwrap();
    std::fs::write(&cluster.key, pair.key).unwrap();
}
