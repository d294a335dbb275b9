//! The process on one page: store, conductor, the listeners; the first to end ends the rest.

use crate::api::{Gate, PolicyError};
use crate::auth::Authenticator;
use crate::boot::{self, BootPlane, Glance};
use crate::cluster::{HttpPeers, Identity};
use crate::conductor::{Conductor, HttpTransport, Parts, SystemEnvironment};
use crate::config::{self, Settings, SettingsError};
use crate::listener::{Admission, Limits};
use crate::proxy::Clients;
use crate::server_tls::ServerTls;
use crate::{api, cluster, listener, store_jobs, store_place};
use anyhow::Context;
use ferric_drivers::{Drivers, Enabled, FakeMachines, InterfaceKind};
use ferric_store::upkeep::Upkeep;
use ferric_store::{PostgresStore, RedbStore, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// An image server that does not answer at all must not hold a deploy for long.
const IMAGE_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For all sessions at BMCs together.
const LOGOUT_LIMIT: Duration = Duration::from_secs(10);
/// What a shell answers for a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Runs until `stop`, or until a part of it fails.
///
/// # Errors
/// What could not be started, or what ended by itself.
pub(crate) async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    // Bound first: a port in use must be known before anything is taken over.
    let listeners = Listeners::bind(&settings).await?;
    let whole = open_store(&settings).await?;
    let upkeep = store_jobs::server::bind(&settings.state_dir)?;
    let store: Arc<dyn Store> = Arc::<dyn Upkeep>::clone(&whole);
    let clients = Clients::new(
        |builder| builder.connect_timeout(IMAGE_CONNECT_TIMEOUT),
        settings.provision_base(),
    )?;
    let glance = settings.glance.as_ref().map(Glance::open).transpose()?;
    let boot = BootPlane::new(Arc::clone(&settings), Arc::clone(&store), clients);
    let boot = boot.with_glance(glance);
    boot.install_tftp_files()?;
    let enabled = enabled(&settings.drivers)?;
    check_discovery(&settings, &enabled)?;
    let fakes = fake_machines(&settings.drivers)?;
    let drivers = Drivers::new(driver_settings(&settings.conductor), fakes);
    check_driver_jobs(&settings.conductor, &drivers)?;
    let parts = Parts {
        enabled,
        drivers: Arc::new(drivers),
        store,
        boot: boot.clone(),
        environment: Arc::new(SystemEnvironment::new()),
        transport: Arc::new(HttpTransport::default()),
        settings: Arc::clone(&settings),
    };
    let conductor = match &listeners.others {
        Some((_, identity)) => {
            Conductor::with_peers(parts, Arc::new(HttpPeers::new(Arc::clone(identity))))
        }
        None => Conductor::new(parts),
    };
    // One that cannot be used is known before anything is erased.
    conductor.erase_key()?;
    conductor.start().await?;

    let policy_file = settings.auth.policy_file.as_ref();
    let gate = policy_file.map(|_| listeners.gate.clone());
    let tls = listeners.tls.clone();
    let mut tasks = listeners.serve(&conductor, boot, &stop);
    if tls.is_some() || gate.is_some() {
        tasks.spawn(reload_on_hangup(tls, gate, stop.clone()));
    }
    let serving = store_jobs::server::serve(upkeep, whole, stop.clone());
    tasks.spawn(async move {
        serving.await;
        Ok(())
    });
    // When it is drained everything else goes on until it has ended: clients and other conductors are answered meanwhile.
    let (life, drivers) = (stop.child_token(), Arc::clone(conductor.drivers()));
    tasks.spawn(async move { conductor.run(life).await.context("running the conductor") });
    if settings.sends_secrets_in_the_clear() {
        tracing::warn!(api = %settings.listen, "passwords and tokens come in the clear: set api.tls, or let a proxy have TLS");
    }
    tracing::info!(api = %settings.listen, machines = ?settings.provision_listen, "ready");
    let first = tasks.join_next().await;
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    if timeout(LOGOUT_LIMIT, drivers.close()).await.is_err() {
        tracing::warn!("some sessions at BMCs are left to end by themselves");
    }
    first
        .context("nothing was started")?
        .context("a task of the process panicked")?
}

/// The sockets, and who may connect to each.
struct Listeners {
    operators: TcpListener,
    /// Who of the operators is let in.
    gate: Gate,
    tls: Option<Arc<ServerTls>>,
    machines: Option<TcpListener>,
    others: Option<(TcpListener, Arc<Identity>)>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let operators = listener::bind(settings.listen, "the operators' API").await?;
        let machines = match settings.provision_listen {
            Some(address) => Some(listener::bind(address, "machines").await?),
            None => None,
        };
        let others = match &settings.cluster {
            Some(cluster) => Some((
                listener::bind(cluster.listen, "other conductors").await?,
                Arc::new(Identity::load(cluster, &settings.host)?),
            )),
            None => None,
        };
        let tls = settings.tls.as_ref().map(ServerTls::load).transpose()?;
        let tls = tls.map(Arc::new);
        let authenticator = Authenticator::new(&settings.auth.strategy)?;
        Ok(Self {
            operators,
            gate: gate(authenticator, &settings.auth)?,
            tls,
            machines,
            others,
        })
    }

    fn serve(
        self,
        conductor: &Conductor,
        boot: BootPlane,
        stop: &CancellationToken,
    ) -> JoinSet<anyhow::Result<()>> {
        let (settings, mut tasks) = (conductor.settings(), JoinSet::new());
        let limits = Limits::new(settings.http);
        let mut serve = |listener, admission, router| {
            let served = (admission, router);
            let serving = listener::serve(listener, served, limits.clone(), stop.clone());
            tasks.spawn(async move {
                serving.await;
                Ok(())
            });
        };
        let public_url = settings.public_url.as_deref();
        let router = api::operator_router(conductor.clone(), public_url, stop.clone(), self.gate);
        let admission = self.tls.map_or(Admission::Anybody, Admission::Tls);
        serve(self.operators, admission, router);
        if let Some(machines) = self.machines {
            let base = settings.provision_base();
            let files = boot::router(boot, observer(conductor));
            let router = api::machine_router(conductor.clone(), base, stop.clone()).merge(files);
            serve(machines, Admission::Anybody, router);
        }
        if let Some((others, identity)) = self.others {
            let admission = Admission::Conductors(identity);
            serve(others, admission, cluster::router(conductor.clone()));
        }
        tasks
    }
}

/// Who is let in, and by which rules.
fn gate(authenticator: Authenticator, auth: &config::auth::Auth) -> Result<Gate, PolicyError> {
    let rbac = auth.rbac.clone();
    let Some(file) = &auth.policy_file else {
        return Ok(Gate::new(authenticator, rbac));
    };
    if !auth.has_roles() {
        tracing::warn!(
            "auth.policy_file changes nothing: with this auth_strategy callers have no roles, and may do everything"
        );
    }
    Gate::with_policy_file(authenticator, rbac, file, auth.policy_servers.clone())
}

/// SIGHUP has the certificate and the operator's rules read again, where there are some.
async fn reload_on_hangup(
    tls: Option<Arc<ServerTls>>,
    gate: Option<Gate>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut hangups = signal(SignalKind::hangup()).context("listening to signals")?;
    while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
        match tls.as_ref().map(|tls| tls.reload()) {
            None => {}
            Some(Ok(())) => tracing::info!("the certificate of the API was read again"),
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the certificate of the API is not exchanged");
            }
        }
        match gate.as_ref().map(Gate::reload) {
            None => {}
            Some(Ok(())) => tracing::info!("the rules of access were read again"),
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the rules of access stay as they were");
            }
        }
    }
    Ok(())
}

async fn open_store(settings: &Settings) -> anyhow::Result<Arc<dyn Upkeep>> {
    let folder = settings.state_dir.clone();
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("making the state directory {}", folder.display()))?;
    if let Some(url) = &settings.store {
        let store = PostgresStore::open(url, store_place::key(&folder)).await?;
        return Ok(Arc::new(store));
    }
    let store = tokio::task::spawn_blocking(move || RedbStore::open(store_place::file(&folder)))
        .await
        .context("opening the store")??;
    Ok(Arc::new(store))
}

fn enabled(drivers: &config::Drivers) -> anyhow::Result<Enabled> {
    let mut enabled = Enabled::default();
    if let Some(types) = &drivers.enabled_hardware_types {
        enabled = enabled.with_hardware_types(types)?;
    }
    let kind = |name: &str| {
        InterfaceKind::from_name(name)
            .with_context(|| format!("drivers: {name:?} is not an interface kind such as \"boot\""))
    };
    for (name, implementations) in &drivers.enabled_interfaces {
        enabled = enabled.with_interfaces(kind(name)?, implementations)?;
    }
    for (name, implementation) in &drivers.default_interfaces {
        enabled = enabled.with_default(kind(name)?, implementation)?;
    }
    Ok(enabled)
}

/// Better now than when the first machine comes.
fn check_discovery(settings: &Settings, enabled: &Enabled) -> anyhow::Result<()> {
    if let Some(driver) = &settings.auto_discovery {
        ferric_drivers::resolve(driver, enabled, &BTreeMap::new())
            .with_context(|| format!("auto_discovery.driver is {driver:?}"))?;
    }
    Ok(())
}

/// A purpose that no job has would change nothing, without a word.
fn check_driver_jobs(
    conductor: &config::Conductor,
    drivers: &Drivers,
) -> Result<(), SettingsError> {
    let jobs = drivers.periodics().iter().map(|job| job.spec().purpose);
    let known: Vec<&str> = jobs.collect();
    let mut given = conductor.driver_job_intervals_s.keys();
    match given.find(|purpose| !known.contains(&purpose.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(SettingsError::Option {
            option: "conductor.driver_job_intervals_s",
            problem: format!(
                "names the job {unknown:?}, which no driver has; there are: {}",
                known.join(", ")
            ),
        }),
    }
}

fn fake_machines(drivers: &config::Drivers) -> anyhow::Result<FakeMachines> {
    if let Some(folder) = &drivers.fake_state_dir {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making drivers.fake_state_dir {}", folder.display()))?;
    }
    Ok(FakeMachines::kept_in(drivers.fake_state_dir.clone()))
}

fn driver_settings(conductor: &config::Conductor) -> ferric_drivers::Settings {
    let defaults = ferric_drivers::Settings::default();
    let call_timeout = config::seconds(conductor.bmc_call_timeout_s);
    ferric_drivers::Settings {
        // One request must be over before the call that it is a part of.
        connect_timeout: defaults.connect_timeout.min(call_timeout / 3),
        read_timeout: defaults.read_timeout.min(call_timeout * 2 / 3),
        call_timeout,
        power_state_change_timeout: config::seconds(conductor.power_change_timeout_s),
        soft_power_off_timeout: config::seconds(conductor.soft_power_off_timeout_s),
        ..defaults
    }
}

fn observer(conductor: &Conductor) -> boot::Observer {
    let conductor = conductor.clone();
    Arc::new(move |node, what| conductor.note_boot_request(node, what))
}

/// SIGINT and SIGTERM cancel `stop`; a second one of either ends the process at once, as a crash would.
///
/// # Errors
/// When the signals cannot be listened to.
pub(crate) fn stop_on_signal(stop: &CancellationToken) -> anyhow::Result<JoinSet<()>> {
    let listen = |kind| signal(kind).context("listening to signals");
    let mut interrupts = listen(SignalKind::interrupt())?;
    let mut terminations = listen(SignalKind::terminate())?;
    let stop = stop.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        let mut arrival = async || {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
        };
        arrival().await;
        stop.cancel();
        arrival().await;
        end_at_once();
    });
    Ok(waiting)
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for what main waits for"
)]
fn end_at_once() {
    std::process::exit(INTERRUPTED);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a pace for the job of this name.
    fn check(purpose: &str) -> Result<(), SettingsError> {
        let mut conductor = config::Conductor::default();
        let intervals = &mut conductor.driver_job_intervals_s;
        intervals.insert(purpose.to_owned(), 30);
        let drivers = Drivers::new(driver_settings(&conductor), FakeMachines::default());
        check_driver_jobs(&conductor, &drivers)
    }

    #[test]
    fn jobs_that_no_driver_has_are_refused_with_those_that_there_are() {
        let refused = check("watching RAID jobs").unwrap_err().to_string();
        let begin = "conductor.driver_job_intervals_s names the job \"watching RAID jobs\", which no driver has";
        assert!(refused.starts_with(begin), "{refused}");
        assert!(
            refused.contains("watching RAID tasks of Redfish BMCs"),
            "{refused}"
        );
    }

    #[test]
    fn the_documentation_shows_a_job_that_there_is() {
        let text = include_str!("../../docs/configuration.md");
        let (_, after) = text.split_once("driver_job_intervals_s = { \"").unwrap();
        let (shown, _) = after.split_once('"').unwrap();
        assert!(check(shown).is_ok(), "{shown}");
    }
}
