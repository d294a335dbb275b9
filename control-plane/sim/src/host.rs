//! Where a conductor runs: it is started, dies and is started again, as by a service manager.

use crate::bmc::Bmcs;
use crate::environment::SimulatedEnvironment;
use crate::gate::Gate;
use crate::images::OneImage;
use crate::link::Link;
use crate::network::Network;
use crate::peers::Wires;
use crate::world::World;
use ferric::boot::BootPlane;
use ferric::conductor::{Conductor, Parts};
use ferric::config::{Cluster, Settings};
use ferric_drivers::{Drivers, Enabled, FakeMachines};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Store writes within which a doomed conductor dies.
const NEXT_WRITES: u64 = 80;

pub(crate) struct Host {
    index: usize,
    current: Mutex<Option<Life>>,
    pub(crate) died: Notify,
}

struct Life {
    link: Arc<Link>,
    /// Once it answers.
    conductor: Option<Conductor>,
    tasks: JoinSet<()>,
}

impl Host {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            current: Mutex::new(None),
            died: Notify::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("conductor-{}", self.index + 1)
    }

    /// The conductor, if one is up and answers.
    pub(crate) fn conductor(&self) -> Option<Conductor> {
        let current = self.current.lock();
        let life = current.as_ref().filter(|life| life.link.is_open())?;
        life.conductor.clone()
    }

    /// The conductor that takes what is sent here, be it that it is stopped and looks at it later.
    pub(crate) fn reachable(&self) -> Option<(Arc<Link>, Conductor)> {
        let current = self.current.lock();
        let life = current.as_ref().filter(|life| !life.link.is_cut())?;
        Some((life.link.clone(), life.conductor.clone()?))
    }

    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.current.lock().as_ref().map(|life| life.link.clone())
    }

    /// One conductor after the other, for ever.
    pub(crate) async fn live(&self, world: &Arc<World>) {
        for life in 1.. {
            self.start(world, life);
            self.died.notified().await;
            self.kill(world);
            let pause = match world.dice.chance(0.8) {
                true => world.dice.millis(500, 5000),
                false => world.dice.seconds(5, 90),
            };
            sleep(pause).await;
            let down_until = *world.sky.down_until.lock();
            sleep_until(down_until).await;
        }
    }

    fn start(&self, world: &Arc<World>, life: u32) {
        let link = Arc::new(Link::new(self.index, life));
        world.log.note(&link, || "starts");
        let fate = world
            .fault(world.plan.faults.crash)
            .then(|| world.dice.between(0, NEXT_WRITES));
        let gate = Arc::new(Gate::new(world, &link, fate));
        let mut settings = Settings::clone(&world.plan.settings);
        settings.host = self.name();
        settings.cluster = (!world.plan.exclusive).then(|| cluster(self.index));
        let settings = Arc::new(settings);
        let drivers = Drivers::new(ferric_drivers::Settings::default(), FakeMachines::default())
            .by_way_of(Arc::new(Bmcs::new(world, &link)));
        let boot = BootPlane::new(settings.clone(), gate.clone(), web_client())
            .with_image_servers(Arc::new(OneImage));
        let peers = Arc::new(Wires::new(world, &link));
        let parts = Parts {
            settings,
            store: gate,
            drivers: Arc::new(drivers),
            enabled: Enabled::default(),
            boot,
            environment: Arc::new(SimulatedEnvironment::new(world, &link)),
            transport: Arc::new(Network::new(world, &link)),
        };
        let conductor = Conductor::with_peers(parts, peers);
        let mut tasks = JoinSet::new();
        let running = run(world.clone(), self.index, link.clone(), conductor);
        tasks.spawn(running);
        *self.current.lock() = Some(Life {
            link,
            conductor: None,
            tasks,
        });
    }

    fn kill(&self, world: &World) {
        let Some(mut life) = self.current.lock().take() else {
            return;
        };
        life.link.cut();
        life.tasks.abort_all();
        world.observer.count_crash();
        world.log.note(&life.link, || "is dead");
    }
}

async fn run(world: Arc<World>, host: usize, link: Arc<Link>, conductor: Conductor) {
    let host = &world.hosts[host];
    let ended = match conductor.start().await {
        Err(error) => Err(error),
        Ok(()) => {
            world.log.note(&link, || "is up");
            if let Some(life) = host.current.lock().as_mut() {
                life.conductor = Some(conductor.clone());
            }
            world.sky.started.notify_waiters();
            conductor.run(CancellationToken::new()).await
        }
    };
    let error = ended.err().map(|error| chain(&error)).unwrap_or_default();
    world.log.note(&link, || format!("ended: {error}"));
    if error.contains("panicked") {
        world.violation(format!("{link} ended: {error}"));
    }
    host.died.notify_one();
}

/// Where the others reach it. No file is read, as nothing listens.
fn cluster(index: usize) -> Cluster {
    let address = format!("192.0.2.{}", 11 + index);
    Cluster {
        listen: std::net::SocketAddr::from(([192, 0, 2, 1], 6389)),
        url: format!("https://{address}:6389"),
        ca: PathBuf::new(),
        certificate: PathBuf::new(),
        key: PathBuf::new(),
        forward_timeout_s: Cluster::FORWARD_TIMEOUT_S,
    }
}

/// The error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Never used: images are asked for in another way. Making one reads the certificates of this machine.
fn web_client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let make = || {
        ferric::tls::install_provider();
        reqwest::Client::new()
    };
    CLIENT.get_or_init(make).clone()
}

/// How long a host is left alone before it is looked at again.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
