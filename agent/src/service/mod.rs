//! The agent's life: introduce the machine, find the node, serve commands and beat until the end.

mod arrival;
mod dial_out;
mod heartbeat;
mod inspection;
mod listening;
mod log_push;

use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::lookup::LookupResponse;
use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::agent::Agent;
use crate::api::{self, ListenerError};
use crate::clock::ClockError;
use crate::commands;
use crate::conductor::{AdvertiseError, ClientError, Conductor, LookupError};
use crate::config::{ConfigError, Settings};
use crate::host::Host;
use crate::image::Stop;
use crate::managers::Managers;
use crate::mdns::{self, MdnsError};
use crate::network::wait_for_interface;
use crate::networkd;
use crate::state::{Session, StateDir, StateError};
use crate::tls::TlsError;
use heartbeat::Ended;
use listening::Way;

/// How long a running command may take to end in order.
const GRACE: Duration = Duration::from_secs(10);

/// The answer of a lookup that has not become a session yet.
const ANSWER_FILE: &str = "lookup.json";

/// Why the agent cannot go on; started again, it may.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(
        "the conductor has given the token of this boot to another agent; reboot the machine to get a new one"
    )]
    TokenTaken,
    #[error("the conductor gave no token, and without one it could not command this agent")]
    NoToken,
    #[error(
        "dial-out is set (ferric-dial-out, dial_out) and the conductor has not agreed to it: Ironic's does not know it, \
         and Ferric's does on its provisioning listener alone; leave it out, or let ipa-api-url name that listener"
    )]
    NoDialOut,
    #[error(transparent)]
    Advertise(#[from] AdvertiseError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Listen(#[from] ListenerError),
    #[error(transparent)]
    Discovery(#[from] MdnsError),
    #[error("using what was found by mDNS")]
    Found(#[source] ConfigError),
    #[error("the clock must be right and is not (fail_if_clock_not_set)")]
    Clock(#[source] ClockError),
    #[error("a part of the agent ended with a fault")]
    Fault(#[source] JoinError),
}

/// Runs until `stop`.
///
/// # Errors
/// When the node is not found, or the agent cannot be reached.
pub async fn run(
    settings: Settings,
    host: Host,
    stop: CancellationToken,
) -> Result<(), ServiceError> {
    if commands::is_rescued() {
        tracing::info!("this machine has been handed over for rescue; there is nothing to do");
        stop.cancelled().await;
        return Ok(());
    }
    set_networks(&settings, &host);
    let Some(settings) = stop.run_until_cancelled(complete(settings)).await else {
        return Ok(());
    };
    let settings = settings?;
    let programs = Stop::default();
    let managers = stop
        .run_until_cancelled(find_managers(&settings, &host, &programs))
        .await;
    let result = match managers {
        Some(Ok(managers)) if settings.api.urls.is_empty() => {
            only_inspect(&settings, &host, &managers, &stop).await
        }
        Some(Ok(managers)) => serve_sessions(&settings, &host, managers, &stop).await,
        Some(Err(fault)) => Err(ServiceError::Fault(fault)),
        None => Ok(()),
    };
    programs.request();
    result
}

/// Asks the programs that may be hardware managers what they are; `programs` ends them.
async fn find_managers(
    settings: &Settings,
    host: &Host,
    programs: &Stop,
) -> Result<Arc<Managers>, JoinError> {
    let (settings, host, programs) = (settings.clone(), host.clone(), programs.clone());
    let find = move || {
        let only_devices = &settings.only_devices;
        Managers::find(&settings.hardware_managers, only_devices, &host, &programs)
    };
    tokio::task::spawn_blocking(find).await.map(Arc::new)
}

/// One session with the conductor, or another one where the first had a token that was not its own.
async fn serve_sessions(
    settings: &Settings,
    host: &Host,
    managers: Arc<Managers>,
    stop: &CancellationToken,
) -> Result<(), ServiceError> {
    let state = StateDir::open(&settings.state)?;
    let conductor = Arc::new(Conductor::new(&settings.api)?);
    let mut refused = None;
    loop {
        let prepare = async {
            match refused {
                Some(node) => open_again(settings, &conductor, &state, node).await,
                None => open(settings, host, &managers, &conductor, &state).await,
            }
        };
        let Some(opened) = stop.run_until_cancelled(prepare).await else {
            return Ok(());
        };
        if let Err(error @ ServiceError::TokenTaken) = opened {
            // Nothing but a reboot helps. To end would only make the service manager ask again and again.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "this agent cannot be of use"
            );
            stop.cancelled().await;
            return Err(error);
        }
        let (session, way) = opened?;
        let node = session.node.uuid;
        let managers = Arc::clone(&managers);
        let settings = settings.clone();
        let agent = Agent::new(host.clone(), managers, settings, session, state.clone())?;
        match serve(&Arc::new(agent), &conductor, way, stop).await? {
            Ended::InOrder => return Ok(()),
            Ended::TokenRefused => refused = Some(node),
        }
    }
}

/// For a conductor that wants the machine inspected and nothing else; it switches the machine off when it has the data.
async fn only_inspect(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
    stop: &CancellationToken,
) -> Result<(), ServiceError> {
    let inspect = async {
        sleep(settings.hardware_initialization_delay).await;
        arrival::arrive(settings, host, managers).await
    };
    let Some(inspected) = stop.run_until_cancelled(inspect).await else {
        return Ok(());
    };
    inspected?;
    tracing::info!("no address of the API is set, so the inspection was all there is to do");
    stop.cancelled().await;
    Ok(())
}

/// Before anything needs a network. Without its networks a machine may still have those of the ramdisk.
fn set_networks(settings: &Settings, host: &Host) {
    let (Some(text), Ok(permit)) = (&settings.network_data, host.permits_system()) else {
        return;
    };
    if let Err(error) = networkd::apply(&permit, text) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "setting up the networks of the virtual medium");
    }
}

/// Finds out by mDNS what the settings leave to it.
async fn complete(settings: Settings) -> Result<Settings, ServiceError> {
    let Some(discovery) = &settings.discovery else {
        return Ok(settings);
    };
    wait_for_interface().await;
    let answers = mdns::discover(discovery).await?;
    discovery.settle(&answers).map_err(ServiceError::Found)
}

/// Begins a session in place of one whose token the conductor has never accepted.
async fn open_again(
    settings: &Settings,
    conductor: &Conductor,
    state: &StateDir,
    node: Uuid,
) -> Result<(Session, Way), ServiceError> {
    tracing::warn!("the conductor has another token for this machine; looking the node up again");
    state.remove(Session::FILE);
    let answer = arrival::find_again(settings, conductor, node).await?;
    begin(settings, conductor, state, answer).await
}

/// Goes on with the session of an agent that ran before, or begins one.
async fn open(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
    conductor: &Conductor,
    state: &StateDir,
) -> Result<(Session, Way), ServiceError> {
    if let Some(session) = state.load_or_forget::<Session>(Session::FILE) {
        tracing::info!(node = %session.node.uuid, "going on with the session of this boot");
        let way = Way::again(settings, &session)?;
        return Ok((session, way));
    }
    // The token in the answer is not given a second time, so the answer is kept before anything can go wrong.
    let answer = match state.load_or_forget::<LookupResponse>(ANSWER_FILE) {
        Some(answer) => answer,
        None => {
            // The hardware is given time once a boot, not at each start of an agent.
            sleep(settings.hardware_initialization_delay).await;
            arrival::find_node(settings, host, managers, conductor).await?
        }
    };
    begin(settings, conductor, state, answer).await
}

async fn begin(
    settings: &Settings,
    conductor: &Conductor,
    state: &StateDir,
    answer: LookupResponse,
) -> Result<(Session, Way), ServiceError> {
    state.save(ANSWER_FILE, &answer)?;
    state.remove(heartbeat::ACCEPTED_FILE);
    state.remove(Session::NODE_FILE);
    let (session, way) = arrival::begin(settings, conductor, answer).await?;
    state.save(Session::FILE, &session)?;
    state.remove(ANSWER_FILE);
    Ok((session, way))
}

async fn serve(
    agent: &Arc<Agent>,
    conductor: &Arc<Conductor>,
    way: Way,
    stop: &CancellationToken,
) -> Result<Ended, ServiceError> {
    let mut tasks = JoinSet::new();
    let retire = agent.retire.clone();
    stop.run_until_cancelled(commands::resume(agent)).await;
    take_commands(agent, conductor, way, &mut tasks);
    let beats = heartbeat::run(Arc::clone(agent), Arc::clone(conductor), retire.clone());
    tasks.spawn(beats);
    if agent.brings_log {
        let bringing = log_push::run(Arc::clone(agent), Arc::clone(conductor), retire.clone());
        tasks.spawn(bringing);
    }
    let first = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        () = retire.cancelled() => None,
        ended = tasks.join_next() => ended,
    };
    match first {
        Some(Err(fault)) => return Err(ServiceError::Fault(fault)),
        Some(Ok(Ended::TokenRefused)) => {
            // Nobody knows the token of this session, so no command can be running.
            retire.cancel();
            while tasks.join_next().await.is_some() {}
            return Ok(Ended::TokenRefused);
        }
        Some(Ok(Ended::InOrder)) | None => {}
    }
    end_in_order(agent, tasks, stop).await;
    Ok(Ended::InOrder)
}

/// Both ways lead to the same API, and so to the same list of commands.
fn take_commands(
    agent: &Arc<Agent>,
    conductor: &Arc<Conductor>,
    way: Way,
    tasks: &mut JoinSet<Ended>,
) {
    let (retire, now) = (agent.retire.clone(), Timestamp::now());
    match way {
        Way::In(listening) => {
            let router = api::router(Arc::clone(agent), listening.scheme(), now);
            tasks.spawn(async move {
                let served = listening.listener.serve(router, listening.tls, retire);
                served.await;
                Ended::InOrder
            });
        }
        Way::Out => {
            let router = api::router(Arc::clone(agent), "https", now);
            let fetching = dial_out::run(Arc::clone(agent), Arc::clone(conductor), router, retire);
            tasks.spawn(fetching);
        }
    }
}

/// Ends the API and the heartbeat; a retired agent then stays, so that the service manager does not start another.
async fn end_in_order(agent: &Arc<Agent>, mut tasks: JoinSet<Ended>, stop: &CancellationToken) {
    if !agent.retire.is_cancelled() {
        agent.ledger.end();
    }
    agent.stop_writing.request();
    agent.managers.stop();
    agent.work.close();
    let was_retired = agent.retire.is_cancelled();
    if timeout(GRACE, agent.work.wait()).await.is_err() {
        tracing::warn!("a command did not end in order");
    }
    agent.retire.cancel();
    while tasks.join_next().await.is_some() {}
    if !was_retired {
        return;
    }
    if let Some(permit) = agent.lockdown.lock().take() {
        commands::isolate(&permit);
    }
    tracing::info!("the agent has retired");
    stop.cancelled().await;
}

#[cfg(test)]
mod tests;
