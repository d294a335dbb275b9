//! Looks for the conductor by multicast DNS (RFC 6762), as far as a client needs that: it asks once for each name and
//! takes what is answered to itself. It serves nothing and keeps nothing.

mod client;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod message;
mod service;
mod targets;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::time::sleep;

use crate::config::{DiscoveredService, Discovery, DiscoveryAnswer};
use client::ask;
use service::Service;

/// How long answers are waited for in one attempt.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Between two attempts; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What all names of options begin with in an answer.
const OPTION_PREFIX: &str = "ipa_";

/// Why a service is not known.
#[derive(Debug, thiserror::Error)]
pub enum MdnsError {
    #[error("nobody on this network has answered for {0}")]
    NotFound(&'static str),
    #[error("{0} was answered for without an address")]
    NoAddress(&'static str),
    #[error("listing the addresses of this machine")]
    List(#[source] io::Error),
}

/// Looks for all services that the settings want.
///
/// # Errors
/// When one of them is not found after all attempts.
pub async fn discover(discovery: &Discovery) -> Result<Vec<DiscoveryAnswer>, MdnsError> {
    let mut answers: Vec<DiscoveryAnswer> = Vec::new();
    for service in &discovery.services {
        let is_inspection = *service == DiscoveredService::Inspection;
        if is_inspection
            && answers
                .iter()
                .any(|answer| discovery.knows_inspection(answer))
        {
            continue;
        }
        answers.push(find(discovery, *service).await?);
    }
    Ok(answers)
}

async fn find(
    discovery: &Discovery,
    service: DiscoveredService,
) -> Result<DiscoveryAnswer, MdnsError> {
    let name = service.name();
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=discovery.attempts.max(1) {
        // Addresses come late, so they are listed each time.
        let targets = targets::list(&discovery.interfaces).map_err(MdnsError::List)?;
        if let Some(found) = ask(&targets, name, ATTEMPT).await {
            return answer(service, found);
        }
        tracing::warn!(attempt, name, "nobody has answered by mDNS yet");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(MdnsError::NotFound(name))
}

fn answer(service: DiscoveredService, found: Service) -> Result<DiscoveryAnswer, MdnsError> {
    let name = service.name();
    let mut url = found.url().ok_or(MdnsError::NoAddress(name))?;
    if service == DiscoveredService::Inspection {
        url.push_str("/v1/continue");
    }
    tracing::info!(name, url, "found by mDNS");
    Ok(DiscoveryAnswer {
        service,
        url,
        overrides: overrides(found.properties),
    })
}

fn overrides(properties: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let options = properties.into_iter().filter_map(|(name, value)| {
        let option = name.strip_prefix(OPTION_PREFIX)?.to_owned();
        Some((option, value))
    });
    options.collect()
}

#[cfg(test)]
mod tests;
