//! One conductor, one machine and a store; the conductor can be killed and another one started on the same store.

use super::agent::Plan;
use super::halting_store::{Death, HaltingStore};
use super::machine::{ADDRESS, Machine, State, Wire};
use crate::boot::BootPlane;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use crate::conductor::{Conductor, Parts, SystemEnvironment};
use crate::config::{Overrides, Settings};
use ferric_drivers::{DriverPeriodic, Drivers, Enabled, FakeMachine, FakeMachines};
use ferric_model::event::What;
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::run::StepPhase;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{EventFilter, Key, RedbStore, Store, Table, Transaction};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(in crate::conductor) struct Lab {
    pub(in crate::conductor) machine: Arc<Machine>,
    pub(in crate::conductor) settings: Arc<Settings>,
    pub(in crate::conductor) store: Arc<dyn Store>,
    pub(in crate::conductor) folder: tempfile::TempDir,
    /// Periodic jobs of drivers that the next conductor has.
    pub(in crate::conductor) jobs: Vec<Arc<dyn DriverPeriodic>>,
    fakes: FakeMachines,
    environment: Arc<SystemEnvironment>,
    tasks: JoinSet<()>,
    life: JoinSet<()>,
    stop: CancellationToken,
}

impl Lab {
    pub(in crate::conductor) fn new() -> Self {
        crate::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder);
        let fakes = FakeMachines::default();
        let node = NodeId(Uuid::from_u128(1));
        let machine = Arc::new(Machine {
            node,
            address: ADDRESS.parse().unwrap(),
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
            jobs: Vec::new(),
            fakes,
            environment: Arc::new(SystemEnvironment::new()),
            tasks,
            life: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The next conductor has this host name, as a container that is made anew.
    pub(in crate::conductor) fn rename(&mut self, host: &str) {
        self.configure(|settings| host.clone_into(&mut settings.host));
    }

    /// For the next conductor.
    pub(in crate::conductor) fn configure(&mut self, edit: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings);
        edit(&mut settings);
        self.settings = Arc::new(settings);
    }

    pub(in crate::conductor) fn plan(&self, plan: Plan) {
        self.machine.state.lock().plan = plan;
    }

    /// A conductor that lives until it is killed, or dies at its store.
    pub(in crate::conductor) async fn start(
        &mut self,
        fate: Option<(usize, Death)>,
    ) -> Arc<HaltingStore> {
        let store = HaltingStore::new(self.store.clone(), fate);
        let client = reqwest::Client::new();
        let conductor = Conductor::new(Parts {
            settings: self.settings.clone(),
            store: store.clone(),
            drivers: Arc::new(self.drivers()),
            enabled: Enabled::default(),
            boot: BootPlane::new(self.settings.clone(), store.clone(), client),
            environment: self.environment.clone(),
            transport: Arc::new(Wire(self.machine.clone())),
        });
        self.machine.state.lock().conductor = Some(conductor.clone());
        self.stop = CancellationToken::new();
        let stop = self.stop.clone();
        let (started, ready) = tokio::sync::oneshot::channel();
        self.life.spawn(async move {
            conductor.start().await.unwrap();
            started.send(()).unwrap_or_default();
            conductor.run(stop).await.unwrap();
        });
        if fate.is_none() {
            ready.await.unwrap();
        }
        store
    }

    pub(in crate::conductor) fn drivers(&self) -> Drivers {
        let drivers = Drivers::new(ferric_drivers::Settings::default(), self.fakes.clone());
        self.jobs
            .iter()
            .cloned()
            .fold(drivers, Drivers::with_periodic)
    }

    /// SIGTERM; answers how long it took.
    pub(in crate::conductor) async fn stop(&mut self) -> Duration {
        let start = Instant::now();
        self.stop.cancel();
        while let Some(ended) = self.life.join_next().await {
            ended.unwrap();
        }
        start.elapsed()
    }

    /// SIGKILL.
    pub(in crate::conductor) fn kill(&mut self) {
        let conductor = self.machine.state.lock().conductor.take();
        self.life = JoinSet::new();
        if let Some(conductor) = conductor {
            conductor.kill();
        }
    }

    pub(in crate::conductor) fn conductor(&self) -> Conductor {
        self.machine.conductor().expect("a conductor was started")
    }

    /// The node of the machine, with the drivers of a real one over a fake BMC.
    pub(in crate::conductor) async fn enroll(&self, interfaces: &[(&str, &str)]) {
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

    /// A node whose parent is the machine's, with a machine of its own.
    pub(in crate::conductor) async fn child(&self, number: u128) -> Arc<FakeMachine> {
        let conductor = self.conductor();
        let id = NodeId(Uuid::from_u128(number));
        let mut node = Node::new(id, "fake-hardware", conductor.now());
        node.parent_node = Some(self.machine.node);
        conductor.create_node(node).await.unwrap();
        self.fakes.machine(&id.to_string())
    }

    pub(in crate::conductor) async fn enroll_real(&self) {
        self.enroll(&[
            ("boot", "ipxe"),
            ("deploy", "direct"),
            ("inspect", "agent"),
            ("network", "noop"),
            ("rescue", "agent"),
        ])
        .await;
    }

    /// A node that may be deployed at once.
    pub(in crate::conductor) async fn enroll_available(&self) {
        self.enroll_real().await;
        self.edit(|node| node.provision_state = ProvisionState::Available)
            .await;
    }

    /// A node that runs its instance.
    pub(in crate::conductor) async fn enroll_active(&self) {
        self.enroll_available().await;
        self.go(Verb::Deploy, ProvisionState::Active).await;
    }

    /// Behind the conductor's back, while it has nothing to do with the node.
    pub(in crate::conductor) async fn edit(&self, edit: impl FnOnce(&mut Node)) {
        let mut node = self.node().await;
        edit(&mut node);
        let changed = Transaction::new().put(&node);
        self.store.commit(changed).await.unwrap();
    }

    pub(in crate::conductor) fn image_url(&self) -> String {
        format!("file://{}", self.folder.path().join("os.raw").display())
    }

    pub(in crate::conductor) async fn node(&self) -> Node {
        let key = Key::new(Table::Node, self.machine.node);
        self.store
            .get(&key)
            .await
            .unwrap()
            .expect("the node")
            .decode()
            .unwrap()
    }

    /// Whether the run is at this step and has begun with it.
    pub(in crate::conductor) async fn is_running(&self, step: &str) -> bool {
        let run = self.node().await.run.expect("a run");
        run.step().is_some_and(|at| at.id.step == step) && run.phase != StepPhase::Ready
    }

    pub(in crate::conductor) async fn ask(&self, verb: Verb) {
        self.try_to(ProvisionRequest::new(verb)).await.unwrap();
    }

    pub(in crate::conductor) async fn try_to(
        &self,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        self.conductor().provision(self.machine.node, request).await
    }

    /// The sentence with which a verb is refused (400).
    pub(in crate::conductor) async fn refusal(&self, request: ProvisionRequest) -> String {
        match self.try_to(request).await {
            Err(RequestError::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::conductor) async fn wait_for(&self, state: ProvisionState) {
        self.wait_for_within(state, Duration::from_secs(600)).await;
    }

    /// Waits for a state in which nobody works on the node any more.
    pub(in crate::conductor) async fn wait_for_within(
        &self,
        state: ProvisionState,
        limit: Duration,
    ) {
        self.wait_until(state.name(), limit, |node| node.provision_state == state)
            .await;
    }

    /// Waits until the node is as it should be; what happened to it is the message when it does not come to that.
    pub(in crate::conductor) async fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        is_so: impl Fn(&Node) -> bool,
    ) {
        let start = Instant::now();
        loop {
            let node = self.node().await;
            if is_so(&node) && node.reservation.is_none() {
                return;
            }
            if start.elapsed() > limit {
                let events = self.events().await;
                panic!(
                    "{what} did not come, {} did: {:?}\n{events:#?}",
                    node.provision_state, node.last_error
                );
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// Asks and waits.
    pub(in crate::conductor) async fn go(&self, verb: Verb, state: ProvisionState) {
        self.ask(verb).await;
        self.wait_for(state).await;
    }

    pub(in crate::conductor) async fn make_available(&self) {
        self.go(Verb::Manage, ProvisionState::Manageable).await;
        self.go(Verb::Provide, ProvisionState::Available).await;
    }

    pub(in crate::conductor) async fn events(&self) -> Vec<What> {
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
    pub(in crate::conductor) async fn states(&self) -> Vec<&'static str> {
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
