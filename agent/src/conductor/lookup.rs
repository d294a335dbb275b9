//! Asks the conductor which node this machine is, until it says so or the time is up.

use std::time::Duration;

use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::FERRIC_AGENT;
use ferric_agent_protocol::lookup::LookupResponse;
use ferric_agent_protocol::version::ApiVersion;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::client::{ClientError, Conductor, Request};
use crate::config::LookupSettings;
use crate::network::list_interfaces;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Pauses after answers that the node is locked, before the usual one.
const LOCKED_PAUSES: [u64; 3] = [5, 10, 30];

/// Why the node is not known.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("no node was found for this machine within {seconds} s; the last answer was: {last}")]
    TimedOut { seconds: u64, last: String },
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Where it was said already which node this is.
    pub node: Option<Uuid>,
    pub offered: Extensions,
}

/// One attempt's outcome that is not an answer.
enum Refused {
    /// Somebody holds the node's lock.
    Locked(String),
    Other(String),
}

/// Repeats the lookup until it is answered.
///
/// # Errors
/// When the time is up.
pub async fn lookup(
    conductor: &Conductor,
    settings: LookupSettings,
    asker: &Asker,
) -> Result<LookupResponse, LookupError> {
    let deadline = Instant::now() + settings.timeout;
    let mut last = "none".to_owned();
    let attempts = attempts(conductor, settings, asker, &mut last);
    if let Ok(answer) = timeout_at(deadline, attempts).await {
        return Ok(answer);
    }
    let seconds = settings.timeout.as_secs();
    Err(LookupError::TimedOut { seconds, last })
}

async fn attempts(
    conductor: &Conductor,
    settings: LookupSettings,
    asker: &Asker,
    last: &mut String,
) -> LookupResponse {
    let mut pauses = Pauses::new(settings.interval);
    loop {
        let pause = match attempt(conductor, asker).await {
            Ok(answer) => return answer,
            Err(Refused::Locked(reason)) => {
                *last = reason;
                pauses.after_locked()
            }
            Err(Refused::Other(reason)) => {
                *last = reason;
                pauses.after_other()
            }
        };
        tracing::warn!(reason = last, ?pause, "the lookup had no answer yet");
        sleep(pause).await;
    }
}

async fn attempt(conductor: &Conductor, asker: &Asker) -> Result<LookupResponse, Refused> {
    let addresses = mac_addresses().join(",");
    let mut path = format!("/v1/lookup?addresses={addresses}");
    if let Some(node) = asker.node {
        path.push_str(&format!("&node_uuid={node}"));
    }
    let other = |error: ClientError| Refused::Other(format!("{error}: {}", error.root_cause()));
    let version = conductor.version().await.map_err(other)?;
    let request = Request::new(Method::GET, path)
        .version(version.min(ApiVersion::AGENT_TOKEN))
        .header(FERRIC_AGENT, &asker.offered.to_header());
    let answer = conductor.send(&request).await.map_err(other)?;
    match answer.status {
        200 => answer
            .json()
            .map(understood)
            .map_err(other)?
            .map_err(Refused::Other),
        409 => Err(Refused::Locked(answer.reason())),
        _ => Err(Refused::Other(answer.reason())),
    }
}

/// Very old conductors have no `config`, and its one key stands beside the node.
fn understood(mut answer: Value) -> Result<LookupResponse, String> {
    if let Some(keys) = answer.as_object_mut()
        && let Some(timeout) = keys.remove("heartbeat_timeout")
        && keys.get("config").is_none_or(Value::is_null)
    {
        let config = json!({"heartbeat_timeout": timeout});
        keys.insert("config".to_owned(), config);
    }
    serde_json::from_value(answer).map_err(|error| format!("understanding the answer: {error}"))
}

/// The MAC addresses by which the conductor may know this machine.
#[must_use]
pub fn mac_addresses() -> Vec<String> {
    let interfaces = list_interfaces().unwrap_or_default();
    let addresses = interfaces.into_iter().filter_map(|nic| nic.mac_address);
    let mut addresses: Vec<String> = addresses.map(|mac| mac.to_lowercase()).collect();
    addresses.dedup();
    addresses
}

/// How long to wait between attempts: at random within bounds that double, so that a rack which was switched on at
/// once does not ask at once.
struct Pauses {
    shortest: Duration,
    attempts: u32,
    locked: usize,
}

impl Pauses {
    fn new(shortest: Duration) -> Self {
        Self {
            shortest,
            attempts: 0,
            locked: 0,
        }
    }

    fn after_other(&mut self) -> Duration {
        self.locked = 0;
        self.usual()
    }

    fn after_locked(&mut self) -> Duration {
        let index = self.locked.min(LOCKED_PAUSES.len() - 1);
        self.locked += 1;
        Duration::from_secs(LOCKED_PAUSES[index]) + self.usual()
    }

    fn usual(&mut self) -> Duration {
        self.attempts = (self.attempts + 1).min(6);
        let longest = Duration::from_secs(1 << self.attempts).min(MAX_PAUSE);
        if longest <= self.shortest {
            return self.shortest;
        }
        rand::random_range(self.shortest..=longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let mut pauses = Pauses::new(Duration::from_secs(1));
        for attempt in 1..100_u32 {
            let pause = pauses.after_other();
            let longest = Duration::from_secs(1 << attempt.min(6)).min(MAX_PAUSE);
            assert!(
                pause >= Duration::from_secs(1) && pause <= longest,
                "{attempt}: {pause:?}"
            );
        }
    }

    #[test]
    fn answers_of_old_conductors_are_understood() {
        let node = json!({"uuid": Uuid::nil()});
        let seconds = |answer| understood(answer).map(|answer| answer.config.heartbeat_timeout_s());
        assert_eq!(
            seconds(json!({"node": node, "heartbeat_timeout": 120})),
            Ok(120)
        );
        let both =
            json!({"node": node, "heartbeat_timeout": 1, "config": {"heartbeat_timeout": 60}});
        assert_eq!(seconds(both), Ok(60));
        assert_eq!(seconds(json!({"node": node})), Ok(300));
        for wrong in [
            json!("nonsense"),
            json!([]),
            json!({"heartbeat_timeout": 1}),
            json!(null),
        ] {
            assert!(seconds(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_locked_node_is_given_time_and_the_count_begins_anew() {
        let mut pauses = Pauses::new(Duration::ZERO);
        let mut at_least = |seconds| assert!(pauses.after_locked() >= Duration::from_secs(seconds));
        at_least(5);
        at_least(10);
        at_least(30);
        at_least(30);
        pauses.after_other();
        pauses.attempts = 0;
        assert!(pauses.after_locked() < Duration::from_secs(10));
    }
}
