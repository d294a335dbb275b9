//! How long power sync takes over 5,000 nodes, whose machines answer within 50 ms, and what BMCs that hang do to it:
//! `taskset --cpu-list 0 cargo run --release -p ferric --example power_sync`. Fails when a figure is not what it has to be.
//!
//! Conductor, periodic jobs and store are those of the program; only the machines are made up.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use anyhow::{Context, ensure};
use ferric::boot::BootPlane;
use ferric::conductor::{Conductor, HttpTransport, Parts, SystemEnvironment};
use ferric::config::{Overrides, Settings};
use ferric_drivers::{Drivers, Enabled, FakeMachine, FakeMachines};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::{RedbStore, Store, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NODES: u32 = 5000;
const ANSWER: Duration = Duration::from_millis(50);
const HANG: Duration = Duration::from_secs(30);
/// What has to be done with nobody hanging.
const LIMIT: Duration = Duration::from_secs(60);
/// What the machine that this runs on may differ by from one time to the next.
const NOISE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(240);
const GROUP: u32 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    ferric::tls::install_provider();
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(folder.path().join("ferric.redb"))?);
    fill(store.as_ref()).await?;
    let undisturbed = measure(folder.path(), &store, |_| false).await?;
    let mut failed = report("all answer", undisturbed, LIMIT);
    let one = measure(folder.path(), &store, |number| number == NODES / 2).await?;
    failed |= report("one hangs", one, undisturbed.mul_f64(1.1) + NOISE);
    let tenth = measure(folder.path(), &store, |number| number % 10 == 3).await?;
    failed |= report("a tenth hang", tenth, undisturbed * 2);
    ensure!(!failed, "power sync is too slow");
    Ok(())
}

/// Prints a figure; answers whether it is too large.
fn report(what: &str, took: Duration, limit: Duration) -> bool {
    let verdict = if took <= limit { "ok" } else { "FAILED" };
    let (took_s, limit_s) = (took.as_secs_f64(), limit.as_secs_f64());
    println!(
        "{what}: {took_s:.1} s until every healthy node of {NODES} was visited, at most {limit_s:.1} s: {verdict}"
    );
    took > limit
}

fn id(number: u32) -> NodeId {
    NodeId(Uuid::from_u128(u128::from(number) + 1))
}

/// Nodes as power sync finds them every two minutes: as their machines are.
async fn fill(store: &dyn Store) -> anyhow::Result<()> {
    for first in (0..NODES).step_by(GROUP as usize) {
        let group = (first..first + GROUP).fold(Transaction::new(), |group, number| {
            let mut node = Node::new(id(number), "fake-hardware", jiff::Timestamp::now());
            node.provision_state = ProvisionState::Available;
            node.power_state = Some(PowerState::Off);
            node.boot_mode = Some("uefi".to_owned());
            node.properties
                .insert("cpus".to_owned(), serde_json::json!("64"));
            group.put(&node)
        });
        store.commit(group).await?;
    }
    Ok(())
}

/// Starts a conductor and waits until power sync has visited every healthy node.
async fn measure(
    folder: &Path,
    store: &Arc<dyn Store>,
    hangs: fn(u32) -> bool,
) -> anyhow::Result<Duration> {
    let machines = FakeMachines::default();
    let mut healthy = Vec::new();
    for number in 0..NODES {
        let machine = machines.machine(&id(number).to_string());
        if hangs(number) {
            machine.set_delay(HANG);
        } else {
            machine.set_delay(ANSWER);
            healthy.push(machine);
        }
    }
    let conductor = conductor(folder, store, machines)?;
    conductor.start().await?;
    let stop = CancellationToken::new();
    let mut life = JoinSet::new();
    let start = Instant::now();
    let (running, token) = (conductor.clone(), stop.clone());
    life.spawn(async move { running.run(token).await });
    let last = last_answer(&healthy, start).await;
    stop.cancel();
    while let Some(ended) = life.join_next().await {
        ended??;
    }
    Ok(last?.duration_since(start))
}

async fn last_answer(healthy: &[Arc<FakeMachine>], start: Instant) -> anyhow::Result<Instant> {
    loop {
        let answers: Option<Vec<Instant>> =
            healthy.iter().map(|machine| machine.answered()).collect();
        if let Some(last) = answers.and_then(|answers| answers.into_iter().max()) {
            return Ok(last);
        }
        let left = healthy
            .iter()
            .filter(|machine| machine.answered().is_none());
        ensure!(
            start.elapsed() < DEADLINE,
            "{} nodes were not visited within {} s",
            left.count(),
            DEADLINE.as_secs()
        );
        sleep(Duration::from_millis(100)).await;
    }
}

fn conductor(
    folder: &Path,
    store: &Arc<dyn Store>,
    machines: FakeMachines,
) -> anyhow::Result<Conductor> {
    let overrides = Overrides {
        state_dir: Some(folder.to_owned()),
        ..Overrides::default()
    };
    let settings = Arc::new(Settings::load(None, overrides).context("the default settings")?);
    let drivers = Drivers::new(ferric_drivers::Settings::default(), machines);
    let client = reqwest::Client::new();
    Ok(Conductor::new(Parts {
        boot: BootPlane::new(settings.clone(), store.clone(), client),
        settings,
        store: store.clone(),
        drivers: Arc::new(drivers),
        enabled: Enabled::default(),
        environment: Arc::new(SystemEnvironment::new()),
        transport: Arc::new(HttpTransport::default()),
    }))
}
