//! A lab from its start to its end, inside its network namespace.
//!
//! Everything is owned by one task set; dropping it kills what still runs, so an error or a signal at any point leaves nothing behind.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::accel::Accel;
use crate::config::Lab;
use crate::control::{Server, Steering};
use crate::firmware::Ovmf;
use crate::ipmi_sim;
use crate::machine::{Blueprint, Machine};
use crate::network::{bridge, dnsmasq, forward};
use crate::redfish::{Bmc, Listener};
use crate::state::Claim;

/// How long the machines may take to close their disks.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

type Tasks = JoinSet<anyhow::Result<()>>;

/// Brings the lab up and keeps it until a signal, `down`, or the end of a part of it.
pub async fn run(lab: Lab, claim: &Claim, forwards: Vec<forward::Bound>) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut signals = JoinSet::new();
    signals.spawn(cancel_on_signal(stop.clone())?);
    let mut tasks = Tasks::new();
    let up = async {
        start(&lab, claim, forwards, &stop, &mut tasks).await?;
        claim.mark_ready()?;
        writeln!(std::io::stdout(), "ready").context("saying that the lab is ready")
    };
    let Some(up) = stop.run_until_cancelled(up).await else {
        return Ok(());
    };
    up?;
    keep(tasks, stop).await
}

async fn keep(mut tasks: Tasks, stop: CancellationToken) -> anyhow::Result<()> {
    let ended = stop.run_until_cancelled(tasks.join_next()).await;
    let fault = match ended {
        _ if stop.is_cancelled() => Ok(()),
        None => Ok(()),
        Some(None) => Err(anyhow!("the lab has no parts")),
        Some(Some(Ok(Ok(())))) => Err(anyhow!("a part of the lab ended by itself")),
        Some(Some(Ok(Err(error)))) => Err(error),
        Some(Some(Err(panic))) => Err(panic.into()),
    };
    stop.cancel();
    if timeout(STOP_DEADLINE, drain(&mut tasks)).await.is_err() {
        warn!("not all machines stopped in time, ending them now");
    }
    fault
}

/// The lives of the machines end by themselves once stopped; the servers do not and are dropped.
async fn drain(tasks: &mut Tasks) {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("stopping: {error:#}"),
            Err(error) => warn!(%error, "stopping"),
        }
    }
}

async fn start(
    lab: &Lab,
    claim: &Claim,
    forwards: Vec<forward::Bound>,
    stop: &CancellationToken,
    tasks: &mut Tasks,
) -> anyhow::Result<()> {
    let ovmf = Ovmf::find()?;
    let accel = Accel::detect(&ovmf).await;
    info!(lab = lab.name, "machines run on {accel}");
    bridge::make(lab)
        .await
        .context("making the lab's network")?;
    if let Some(settings) = &lab.dnsmasq {
        let child = dnsmasq::start(settings, &lab.network, claim.directory().path()).await?;
        tasks.spawn(watch("dnsmasq", child, stop.clone()));
    }
    let mut machines = Vec::new();
    for (index, config) in lab.machines.iter().enumerate() {
        let directory = claim.directory().machine(&config.name);
        let blueprint = Blueprint {
            config: config.clone(),
            index,
            directory,
            accel,
            ovmf: ovmf.clone(),
        };
        let (machine, life) = Machine::create(blueprint).await?;
        if let Some(settings) = &config.ipmi_sim {
            let (child, relay) = ipmi_sim::start(settings, &machine.blueprint().directory).await?;
            tasks.spawn(watch("ipmi_sim", child, stop.clone()));
            if let Some(relay) = relay {
                tasks.spawn(until_stopped(stop.clone(), relay.serve()));
            }
        }
        let bmc = Bmc::new(machine.clone());
        let listener = Listener::bind(&config.bmc).await?;
        tasks.spawn(life.run(stop.clone()));
        tasks.spawn(until_stopped(stop.clone(), listener.serve(bmc.router())));
        machines.push((machine, bmc));
    }
    for forward in forwards {
        tasks.spawn(until_stopped(stop.clone(), forward.serve()));
    }
    let control = Server::bind(
        claim.directory(),
        Steering {
            machines,
            stop: stop.clone(),
        },
    )?;
    tasks.spawn(until_stopped(stop.clone(), control.serve()));
    Ok(())
}

async fn until_stopped(
    stop: CancellationToken,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    stop.run_until_cancelled(work).await.unwrap_or(Ok(()))
}

/// Has a program that must stay end with the lab, and the lab with the program.
async fn watch(program: &str, mut child: Child, stop: CancellationToken) -> anyhow::Result<()> {
    match stop.run_until_cancelled(child.wait()).await {
        None => child
            .kill()
            .await
            .with_context(|| format!("ending {program}")),
        Some(status) => {
            let status = status.with_context(|| format!("watching {program}"))?;
            Err(anyhow!(
                "{program} ended by itself ({status}), see its log in the state directory"
            ))
        }
    }
}

/// Takes the signals over before anything is started, so that none of them ends the process with children alive.
fn cancel_on_signal(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()>> {
    let take = |kind| signal(kind).context("taking over signals");
    let (mut interrupt, mut terminate, mut hangup) = (
        take(SignalKind::interrupt())?,
        take(SignalKind::terminate())?,
        take(SignalKind::hangup())?,
    );
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        stop.cancel();
    })
}
