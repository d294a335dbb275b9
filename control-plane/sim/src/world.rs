//! A world: conductors, their store, machines with agents and BMCs, and those who use them, from one seed on one thread.

use crate::client;
use crate::dice::Dice;
use crate::host::Host;
use crate::log::{Keep, Log};
use crate::machine::Machine;
use crate::observer::Observer;
use crate::plan::Plan;
use crate::weather;
use ferric::conductor::Planted;
use ferric_store::MemoryStore;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

/// When every world begins, after 1970.
const BEGINNING: Duration = Duration::from_secs(1_800_000_000);
/// Several looks at the power of each machine.
const CALM: Duration = Duration::from_secs(600);

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) planted: Option<Planted>,
    pub(crate) dice: Dice,
    pub(crate) log: Log,
    pub(crate) observer: Observer,
    pub(crate) store: MemoryStore,
    pub(crate) hosts: Vec<Host>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) sky: Sky,
    began: Instant,
    tasks: TaskTracker,
}

/// What the weather is like: faults that are about more than one message.
pub(crate) struct Sky {
    calm: AtomicBool,
    /// What somebody has put the wall clock forward or back by.
    pub(crate) clock_off: Mutex<SignedDuration>,
    /// The same of the database server's clock.
    pub(crate) server_clock_off: Mutex<SignedDuration>,
    pub(crate) store_away_until: Mutex<Instant>,
    /// A host that reaches neither the store nor other conductors, but all machines; and until when.
    pub(crate) cut_off: Mutex<Option<(usize, Instant)>>,
    /// No conductor is started before.
    pub(crate) down_until: Mutex<Instant>,
    /// A conductor is there again.
    pub(crate) started: Notify,
}

impl Sky {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            calm: AtomicBool::new(false),
            clock_off: Mutex::new(SignedDuration::ZERO),
            server_clock_off: Mutex::new(SignedDuration::ZERO),
            store_away_until: Mutex::new(now),
            cut_off: Mutex::new(None),
            down_until: Mutex::new(now),
            started: Notify::new(),
        }
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(crate) fn is_store_away(&self) -> bool {
        Instant::now() < *self.store_away_until.lock()
    }
}

/// What came of a world.
pub(crate) struct Outcome {
    pub(crate) deploys: u64,
    /// Runs that failed, each because of a fault of its machine.
    pub(crate) failures: u64,
    pub(crate) crashes: u64,
    pub(crate) violations: Vec<String>,
    pub(crate) log: String,
}

/// How a world is made.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    pub(crate) planted: Option<Planted>,
    pub(crate) most_conductors: usize,
    pub(crate) keep: Keep,
}

impl World {
    fn new(seed: u64, making: Making) -> Arc<Self> {
        let dice = Dice::new(seed);
        let plan = Plan::draw(&dice, making.most_conductors);
        let machines = (0..plan.nodes).map(|index| Machine::new(index, &dice));
        Arc::new(Self {
            planted: making.planted,
            log: Log::new(making.keep),
            observer: Observer::new(plan.nodes, plan.conductors),
            store: MemoryStore::new(),
            hosts: (0..plan.conductors).map(Host::new).collect(),
            machines: machines.collect(),
            sky: Sky::new(),
            began: Instant::now(),
            tasks: TaskTracker::new(),
            plan,
            dice,
        })
    }

    /// The time of day, as whoever sets clocks has it.
    pub(crate) fn wall_clock(&self) -> Timestamp {
        self.true_clock() + *self.sky.clock_off.lock()
    }

    pub(crate) fn server_clock(&self) -> Timestamp {
        self.true_clock() + *self.sky.server_clock_off.lock()
    }

    fn true_clock(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + BEGINNING + self.began.elapsed()
    }

    /// Whether a fault of this probability happens now.
    pub(crate) fn fault(&self, probability: f64) -> bool {
        !self.sky.is_calm() && self.dice.chance(probability)
    }

    pub(crate) fn is_cut_off(&self, host: usize) -> bool {
        let cut_off = *self.sky.cut_off.lock();
        cut_off.is_some_and(|(who, until)| who == host && Instant::now() < until)
    }

    /// Whether a host's store does not answer.
    pub(crate) fn is_store_away(&self, host: usize) -> bool {
        !self.plan.exclusive && (self.sky.is_store_away() || self.is_cut_off(host))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn(task));
    }

    /// Waits until there is anybody to ask: whoever asks again and again meanwhile is told nothing.
    pub(crate) async fn somebody_up(&self) {
        loop {
            let started = self.sky.started.notified();
            if self.hosts.iter().any(|host| host.conductor().is_some()) {
                return;
            }
            started.await;
        }
    }

    /// Whom a machine talks to: often the one that its node belongs to, and any other one.
    pub(crate) fn host_for(&self, machine: &Machine) -> usize {
        let any = self.dice.below(self.hosts.len());
        if self.hosts.len() == 1 || self.dice.chance(0.3) {
            return any;
        }
        let owner = self.observer.owner(machine.index);
        let is_owner = |host: &Host| {
            let link = host.link();
            link.is_some_and(|link| link.incarnation.get().copied() == owner)
        };
        self.hosts.iter().position(is_owner).unwrap_or(any)
    }

    pub(crate) fn machine_of(&self, node: &str) -> Option<&Machine> {
        let mut machines = self.machines.iter();
        machines.find(|machine| machine.id == node)
    }

    async fn live(self: &Arc<Self>) {
        for host in 0..self.hosts.len() {
            let world = self.clone();
            self.spawn(async move { world.hosts[host].live(&world).await });
        }
        let world = self.clone();
        self.spawn(async move { weather::blow(&world).await });
        let mut clients = tokio::task::JoinSet::new();
        for index in 0..self.machines.len() {
            let world = self.clone();
            clients.spawn(async move { client::live(&world, index).await });
        }
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended {
                self.violation(format!("a client panicked: {error}"));
            }
            if self.observer.has_violations() {
                return;
            }
        }
        self.sky.calm.store(true, Ordering::Relaxed);
        self.log.note("world", || "nothing goes wrong any more");
        self.somebody_up().await;
        sleep(CALM).await;
        self.observer.at_the_end(self);
    }

    pub(crate) fn violation(&self, what: String) {
        self.log.note("observer", || &what);
        self.observer.add(what);
    }
}

/// Runs the world of a seed to its end.
pub(crate) fn run(seed: u64, making: Making) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads and sockets needs nothing");
    runtime.block_on(async {
        let world = World::new(seed, making);
        world.live().await;
        world.observer.outcome(world.log.text())
    })
}
