//! Finds the address under which the conductor can reach this machine.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{Instant, sleep};
use url::{Host, Url};

use crate::config::AdvertiseSettings;
use crate::network::{is_routable, list_interfaces, routable_address, source_address};

const ROUTE_POLL: Duration = Duration::from_millis(250);
const ROUTE_TOLD: Duration = Duration::from_secs(5);

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub enum AdvertiseError {
    #[error("no address of this machine reaches the API at {urls}: {last}")]
    NoRoute { urls: String, last: String },
}

/// The configured address, or that of the configured interface, or the one from which packets to the API leave.
/// A route may come late, so this is tried several times.
///
/// # Errors
/// When there is none after all attempts.
pub async fn advertised_address(
    settings: &AdvertiseSettings,
    api_urls: &[String],
) -> Result<IpAddr, AdvertiseError> {
    let mut last = "it was not tried".to_owned();
    for attempt in 1..=settings.attempts.max(1) {
        match find(settings, api_urls).await {
            Ok(address) => return Ok(address),
            Err(reason) => last = reason,
        }
        tracing::warn!(
            attempt,
            reason = last,
            "there is no address to tell the conductor yet"
        );
        if attempt < settings.attempts {
            sleep(settings.pause).await;
        }
    }
    let urls = api_urls.join(", ");
    Err(AdvertiseError::NoRoute { urls, last })
}

/// Waits until packets to the API find a way, because DHCP is not done by the agent and takes its time. Going on
/// without one is no harm: whatever comes next tries again, only more slowly.
pub async fn wait_for_route(api_urls: &[String], limit: Duration) {
    let begun = Instant::now();
    let mut told = begun;
    while let Err(reason) = any_route(api_urls).await {
        let now = Instant::now();
        if now.duration_since(begun) >= limit {
            tracing::warn!(reason, "the network is not there after {limit:?}");
            return;
        }
        if now.duration_since(told) >= ROUTE_TOLD {
            tracing::info!(reason, "waiting for the network");
            told = now;
        }
        sleep(ROUTE_POLL).await;
    }
}

async fn find(settings: &AdvertiseSettings, api_urls: &[String]) -> Result<IpAddr, String> {
    if let Some(host) = &settings.host {
        return resolve(host, 0).await.map(|addresses| addresses[0].ip());
    }
    if let Some(name) = &settings.interface {
        return address_of(name).ok_or_else(|| format!("the interface {name} has no address"));
    }
    any_route(api_urls).await
}

/// The source address of packets to the first address of the API that has a route.
async fn any_route(api_urls: &[String]) -> Result<IpAddr, String> {
    let mut last = "there is no address of the API".to_owned();
    for url in api_urls {
        match route_to(url).await {
            Ok(address) => return Ok(address),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

/// At least one address.
async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = lookup_host((host, port))
        .await
        .map_err(|error| format!("resolving {host}: {error}"))?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        return Err(format!("{host} has no address"));
    }
    Ok(found)
}

/// IPv4 first, as with Ironic's agent, which knows nothing else here.
fn address_of(name: &str) -> Option<IpAddr> {
    let interfaces = list_interfaces().ok()?;
    let interface = interfaces.into_iter().find(|nic| nic.name == name)?;
    let v4 = interface.ipv4_address.as_ref();
    let v4 = v4.and_then(|text| text.parse().ok());
    v4.or_else(|| routable_address(&interface))
}

/// The source address of packets to the API. A host may have addresses of a kind that this network has no route for.
async fn route_to(url: &str) -> Result<IpAddr, String> {
    first_route(&targets(url).await?)
}

fn first_route(targets: &[SocketAddr]) -> Result<IpAddr, String> {
    let mut last = "there is nowhere to go".to_owned();
    for target in targets {
        match source_towards(*target) {
            Ok(source) => return Ok(source),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

fn source_towards(target: SocketAddr) -> Result<IpAddr, String> {
    let source =
        source_address(target).map_err(|error| format!("no route to {target}: {error}"))?;
    // An API on this very machine is reached from the loopback address, and reaches us there.
    if is_routable(&source) || target.ip().is_loopback() {
        return Ok(source);
    }
    Err(format!(
        "packets to {target} leave from {source}, which others cannot reach"
    ))
}

async fn targets(url: &str) -> Result<Vec<SocketAddr>, String> {
    let parsed = Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
    let port = parsed.port_or_known_default().unwrap_or(80);
    match parsed.host() {
        Some(Host::Ipv4(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => resolve(name, port).await,
        None => Err(format!("{url} names no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> AdvertiseSettings {
        AdvertiseSettings {
            host: None,
            port: 9999,
            protocol: "http".to_owned(),
            interface: None,
            attempts: 1,
            pause: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn the_route_to_the_api_tells_the_address() {
        let urls = ["http://127.0.0.1:6385".to_owned()];
        let address = advertised_address(&settings(), &urls).await.unwrap();
        assert_eq!(address.to_string(), "127.0.0.1");
    }

    #[test]
    fn an_address_without_a_route_is_passed_over() {
        // Nobody may send to all at once without saying so.
        let targets = ["255.255.255.255:80", "127.0.0.1:80"].map(|text| text.parse().unwrap());
        assert_eq!(first_route(&targets[1..]).unwrap().to_string(), "127.0.0.1");
        assert_eq!(first_route(&targets).unwrap().to_string(), "127.0.0.1");
        assert!(first_route(&[]).is_err());
    }

    #[tokio::test]
    async fn a_configured_address_wins() {
        let settings = AdvertiseSettings {
            host: Some("[2001:db8::1]".to_owned()),
            ..settings()
        };
        let address = advertised_address(&settings, &[]).await.unwrap();
        assert_eq!(address.to_string(), "2001:db8::1");
    }

    #[tokio::test]
    async fn failing_names_the_reason() {
        let settings = AdvertiseSettings {
            interface: Some("no-such-nic".to_owned()),
            ..settings()
        };
        let error = advertised_address(&settings, &["http://a".to_owned()])
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no-such-nic"), "{error}");
    }
}
