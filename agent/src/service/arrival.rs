//! From a machine that nobody knows to a session with its conductor.

use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::dial_out::CALLBACK_URL;
use ferric_agent_protocol::extensions::Extension;
use ferric_agent_protocol::lookup::{LookupConfig, LookupResponse, Token};
use ferric_agent_protocol::version::ApiVersion;
use tokio::time::sleep;
use uuid::Uuid;

use super::listening::{Identity, Listening, Way};
use super::{ServiceError, inspection};
use crate::clock::{self, ClockError};
use crate::conductor::{Asker, ClientError, Conductor, advertised_address, lookup, wait_for_route};
use crate::config::{Direction, OnClockFailure, Settings};
use crate::disk;
use crate::host::{Host, RootKind};
use crate::managers::Managers;
use crate::network::{vlan, wait_for_interface};
use crate::state::Session;

const ROUTE_TIME: Duration = Duration::from_secs(60);
const VERSION_ATTEMPTS: u32 = 5;
const VERSION_PAUSE: Duration = Duration::from_secs(2);

/// Introduces the machine if that is wanted, and asks which node it is.
pub(super) async fn find_node(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
    conductor: &Conductor,
) -> Result<LookupResponse, ServiceError> {
    let node = arrive(settings, host, managers).await?;
    let answer = lookup(conductor, settings.lookup, &asker(settings, node)).await?;
    token(settings, &answer)?;
    Ok(answer)
}

/// Waits for network and disks, sets the clock, and introduces the machine if that is wanted. Answers which node it is,
/// where that was said.
pub(super) async fn arrive(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
) -> Result<Option<Uuid>, ServiceError> {
    wait_for_interface().await;
    add_vlans(settings, host).await;
    let servers = match settings.api.urls.as_slice() {
        [] => settings.inspection.callback_urls.as_slice(),
        urls => urls,
    };
    let route = wait_for_route(servers, ROUTE_TIME);
    tokio::join!(route, find_disks(settings, host));
    set_clock(settings, host).await?;
    Ok(inspection::introduce(settings, host, managers).await)
}

/// Interfaces that are there for the lookup and the inspection like all others. Where the switches are to say which,
/// they are waited for.
async fn add_vlans(settings: &Settings, host: &Host) {
    if settings.vlan_interfaces.is_empty() {
        return;
    }
    let permit = match host.permits_system() {
        Ok(permit) => permit,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "no VLAN interfaces are added");
            return;
        }
    };
    let entries = settings.vlan_interfaces.clone();
    let limit = settings.inspection.lldp_timeout;
    let add = move || vlan::add(&permit, &entries, limit);
    if let Err(error) = tokio::task::spawn_blocking(add).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "adding VLAN interfaces");
    }
}

/// Certificates are checked by the clock, so it comes before everything that may speak TLS.
async fn set_clock(settings: &Settings, host: &Host) -> Result<(), ServiceError> {
    let Some(server) = &settings.clock.ntp_server else {
        return Ok(());
    };
    match clock::synchronise(host, server).await {
        Ok(()) => Ok(()),
        Err(error) => without_clock(error, settings.clock.on_failure, server),
    }
}

/// On a host that is not ours the clock is somebody else's, and whether it is right his business.
fn without_clock(
    error: ClockError,
    on_failure: OnClockFailure,
    server: &str,
) -> Result<(), ServiceError> {
    let is_refused = matches!(error, ClockError::Refused(_));
    if !is_refused && on_failure == OnClockFailure::End {
        return Err(ServiceError::Clock(error));
    }
    let error = &error as &dyn std::error::Error;
    tracing::warn!(error, server, "the clock stays as it is");
    Ok(())
}

/// Asks again which node this is, for a new token; nothing else is begun anew.
pub(super) async fn find_again(
    settings: &Settings,
    conductor: &Conductor,
    node: Uuid,
) -> Result<LookupResponse, ServiceError> {
    let answer = lookup(conductor, settings.lookup, &asker(settings, Some(node))).await?;
    token(settings, &answer)?;
    Ok(answer)
}

fn asker(settings: &Settings, node: Option<Uuid>) -> Asker {
    Asker {
        node,
        offered: settings.direction.offered(),
    }
}

/// Settles token, address, certificate and port, which stay the same while the ramdisk runs.
pub(super) async fn begin(
    settings: &Settings,
    conductor: &Conductor,
    answer: LookupResponse,
) -> Result<(Session, Way), ServiceError> {
    let token = token(settings, &answer)?;
    tracing::info!(node = %answer.node.uuid, "the conductor knows this machine");
    if settings.direction == Direction::Out {
        check_dial_out(&answer.config)?;
        return Ok((session_without_port(answer, token), Way::Out));
    }
    let version = version(conductor).await?;
    // The API that answers last comes first: the others may be reached from an address that it does not reach.
    let address = advertised_address(&settings.advertise, &conductor.urls()).await?;
    let identity = Identity::establish(&settings.tls, version, address)?;
    let listening = Listening::begin(settings, &answer.config, identity.as_ref())?;
    let session = Session {
        node: answer.node,
        config: answer.config,
        token: Some(token),
        callback_url: listening.callback_url(settings, address),
        listen: Some(listening.listener.address),
        certificate: identity
            .filter(|identity| identity.is_own)
            .map(|identity| identity.certificate),
    };
    Ok((session, Way::In(listening)))
}

/// An agent that nobody can call would be of no use to a conductor that does not wait for its questions.
fn check_dial_out(config: &LookupConfig) -> Result<(), ServiceError> {
    let agreed = config.agreed(&Direction::Out.offered());
    if agreed.has(Extension::DialOut) {
        return Ok(());
    }
    Err(ServiceError::NoDialOut)
}

fn session_without_port(answer: LookupResponse, token: String) -> Session {
    Session {
        node: answer.node,
        config: answer.config,
        token: Some(token),
        callback_url: CALLBACK_URL.to_owned(),
        listen: None,
        certificate: None,
    }
}

/// A server that is away for a moment is not an old one, which would get neither a token nor a certificate.
async fn version(conductor: &Conductor) -> Result<ApiVersion, ClientError> {
    for attempt in 1..VERSION_ATTEMPTS {
        match conductor.version().await {
            Ok(version) => return Ok(version),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(attempt, error, "asking the server for its version");
            }
        }
        sleep(VERSION_PAUSE).await;
    }
    conductor.version().await
}

/// A token is handed out once. If that has happened and we do not have it, somebody else does. Without any nobody
/// could command this agent.
fn token(settings: &Settings, answer: &LookupResponse) -> Result<String, ServiceError> {
    let own = settings
        .agent_token
        .as_ref()
        .map(|token| token.reveal().to_owned());
    match answer.config.token() {
        Token::Given(token) => Ok(token.to_owned()),
        Token::Hidden => own.ok_or(ServiceError::TokenTaken),
        Token::Absent => own.ok_or(ServiceError::NoToken),
    }
}

/// Before anything is said or done about a disk it is known on all its paths.
async fn find_disks(settings: &Settings, host: &Host) {
    wait_for_disk(settings, host).await;
    let host = host.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || disk::multipath::start(&host)).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "starting multipathd");
    }
}

/// Controllers find their disks late, and an inventory without them would be believed. A machine that really has
/// none is kept waiting once; on an ordinary host there may be none to see.
async fn wait_for_disk(settings: &Settings, host: &Host) {
    if *host.root() != RootKind::Ram || settings.disk_wait_attempts == 0 {
        return;
    }
    for attempt in 1..=settings.disk_wait_attempts {
        let looked_at = host.clone();
        let list = move || disk::list_block_devices(&looked_at);
        let listed = tokio::task::spawn_blocking(list).await;
        if listed.is_ok_and(|disks| disks.is_ok_and(|disks| !disks.is_empty())) {
            return;
        }
        tracing::info!(attempt, "waiting for a disk");
        sleep(settings.disk_wait_delay).await;
    }
    tracing::warn!("this machine has no disk");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_must_be_right_and_is_ours_ends_the_agent() {
        let goes_on = |error, on_failure| without_clock(error, on_failure, "192.0.2.1").is_ok();
        let silent = || ClockError::TooSlow("192.0.2.1".to_owned());
        assert!(goes_on(silent(), OnClockFailure::GoOn));
        assert!(!goes_on(silent(), OnClockFailure::End));
        let host = Host::detect(&[]).unwrap();
        let refusal = host.permits_system().err().unwrap();
        assert!(goes_on(ClockError::Refused(refusal), OnClockFailure::End));
    }
}
