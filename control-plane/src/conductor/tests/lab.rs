//! One conductor, one machine and a store; the conductor can be killed and another one started on the same store.

use super::agent::Plan;
use super::halting_store::{Death, HaltingStore};
use super::machine::{Machine, State, Wire};
use crate::boot::BootPlane;
use crate::conductor::requests::{ProvisionRequest, ProvisionVerb};
use crate::conductor::{Conductor, Parts, SystemEnvironment};
use crate::config::{Overrides, Settings};
use ferric_drivers::{Drivers, Enabled, FakeMachines};
use ferric_model::event::What;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_store::{EventFilter, Key, RedbStore, Store, Table};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(super) struct Lab {
    pub(super) machine: Arc<Machine>,
    pub(super) settings: Arc<Settings>,
    pub(super) store: Arc<dyn Store>,
    pub(super) folder: tempfile::TempDir,
    fakes: FakeMachines,
    environment: Arc<SystemEnvironment>,
    tasks: JoinSet<()>,
    life: JoinSet<()>,
}

impl Lab {
    pub(super) fn new() -> Self {
        crate::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        let fakes = FakeMachines::default();
        let node = NodeId(Uuid::from_u128(1));
        let machine = Arc::new(Machine {
            node,
            address: "52:54:00:00:00:01".parse().unwrap(),
            bmc: fakes.machine(&node.to_string()),
            state: Mutex::new(State::default()),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(machine.clone().live());
        Self {
            machine,
            settings: Arc::new(settings),
            store: Arc::new(RedbStore::in_memory().unwrap()),
            folder,
            fakes,
            environment: Arc::new(SystemEnvironment::new()),
            tasks,
            life: JoinSet::new(),
        }
    }

    pub(super) fn plan(&self, plan: Plan) {
        self.machine.state.lock().plan = plan;
    }

    pub(super) fn settings(&mut self, edit: impl FnOnce(&mut Settings)) {
        edit(Arc::get_mut(&mut self.settings).expect("before the conductor starts"));
    }

    /// A conductor that lives until it is killed, or dies at its store.
    pub(super) async fn start(&mut self, fate: Option<(usize, Death)>) -> Arc<HaltingStore> {
        let store = HaltingStore::new(self.store.clone(), fate);
        let client = reqwest::Client::new();
        let conductor = Conductor::new(Parts {
            settings: self.settings.clone(),
            store: store.clone(),
            drivers: Arc::new(Drivers::new(
                ferric_drivers::Settings::default(),
                self.fakes.clone(),
            )),
            enabled: Enabled::default(),
            boot: BootPlane::new(self.settings.clone(), store.clone(), client),
            environment: self.environment.clone(),
            transport: Arc::new(Wire(self.machine.clone())),
        });
        self.machine.state.lock().conductor = Some(conductor.clone());
        self.life.spawn(async move {
            conductor.start().await.unwrap();
            conductor.run(CancellationToken::new()).await.unwrap();
        });
        store
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let conductor = self.machine.state.lock().conductor.take();
        self.life.abort_all();
        if let Some(conductor) = conductor {
            conductor.kill();
        }
    }

    pub(super) fn conductor(&self) -> Conductor {
        self.machine.conductor().expect("a conductor was started")
    }

    /// The node of the machine, with the drivers of a real one over a fake BMC.
    pub(super) async fn enroll(&self, interfaces: &[(&str, &str)]) {
        let conductor = self.conductor();
        let mut node = Node::new(self.machine.node, "fake-hardware", conductor.now());
        node.interfaces = interfaces
            .iter()
            .map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned()))
            .collect();
        node.instance_info
            .insert("image_source".to_owned(), json!(self.image_url()));
        let created = conductor.create_node(node).await.unwrap();
        let port = Port::new(
            PortId(Uuid::from_u128(2)),
            self.machine.address.clone(),
            created.uuid,
            created.created_at,
        );
        conductor.create_port(port).await.unwrap();
    }

    pub(super) async fn enroll_real(&self) {
        self.enroll(&[
            ("boot", "ipxe"),
            ("deploy", "direct"),
            ("inspect", "agent"),
            ("network", "noop"),
        ])
        .await;
    }

    pub(super) fn image_url(&self) -> String {
        format!("file://{}", self.folder.path().join("os.raw").display())
    }

    pub(super) async fn node(&self) -> Node {
        let key = Key::new(Table::Node, self.machine.node);
        self.store
            .get(&key)
            .await
            .unwrap()
            .expect("the node")
            .decode()
            .unwrap()
    }

    pub(super) async fn ask(&self, verb: ProvisionVerb) {
        let request = ProvisionRequest::new(verb);
        self.conductor()
            .provision(self.machine.node, request)
            .await
            .unwrap();
    }

    pub(super) async fn wait_for(&self, state: ProvisionState) {
        self.wait_for_within(state, Duration::from_secs(600)).await;
    }

    /// Waits for a state; the error of a failed run is the message when it does not come.
    pub(super) async fn wait_for_within(&self, state: ProvisionState, limit: Duration) {
        let start = Instant::now();
        loop {
            let node = self.node().await;
            if node.provision_state == state && node.reservation.is_none() {
                return;
            }
            if start.elapsed() > limit {
                let events = self.events().await;
                panic!(
                    "{state} did not come, {} did: {:?}\n{events:#?}",
                    node.provision_state, node.last_error
                );
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// Asks and waits.
    pub(super) async fn go(&self, verb: ProvisionVerb, state: ProvisionState) {
        self.ask(verb).await;
        self.wait_for(state).await;
    }

    pub(super) async fn make_available(&self) {
        self.go(ProvisionVerb::Manage, ProvisionState::Manageable)
            .await;
        self.go(ProvisionVerb::Provide, ProvisionState::Available)
            .await;
    }

    pub(super) async fn events(&self) -> Vec<What> {
        let filter = EventFilter {
            node: Some(self.machine.node),
            ..EventFilter::default()
        };
        self.store
            .events(&filter)
            .await
            .unwrap()
            .into_iter()
            .map(|stored| stored.event.what)
            .collect()
    }

    /// The states that the node went through, from the timeline.
    pub(super) async fn states(&self) -> Vec<&'static str> {
        let states = self
            .events()
            .await
            .into_iter()
            .filter_map(|what| match what {
                What::StateChanged { to, .. } => Some(to.name()),
                _ => None,
            });
        states.collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.kill();
        self.tasks.abort_all();
    }
}

fn settings(folder: &tempfile::TempDir) -> Settings {
    let path = |name: &str| folder.path().join(name);
    for name in ["kernel", "ramdisk", "os.raw"] {
        std::fs::write(path(name), name).unwrap();
    }
    let overrides = Overrides {
        state_dir: Some(folder.path().to_owned()),
        provision_listen: Some("192.0.2.1:6380".parse().unwrap()),
        ..Overrides::default()
    };
    let mut settings = Settings::load(None, overrides).unwrap();
    settings.host = "one".to_owned();
    settings.boot.kernel = Some(path("kernel").display().to_string());
    settings.boot.ramdisk = Some(path("ramdisk").display().to_string());
    settings.image_paths = vec![folder.path().to_owned()];
    settings
}
