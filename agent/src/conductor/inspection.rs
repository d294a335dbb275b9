//! Sends what was found out about the machine.

use std::time::Duration;

use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::FERRIC_AGENT;
use ferric_agent_protocol::inspection::{InspectionAnswer, InspectionData};
use ferric_agent_protocol::lookup::LookupResponse;
use ferric_agent_protocol::version::ApiVersion;
use http::Method;
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{ClientError, Conductor, Request};
use crate::config::{ApiSettings, InspectionSettings};

const ATTEMPTS: u32 = 5;

/// Why inspection data were not taken.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the conductor did not take the inspection data: {0}")]
    Refused(String),
}

/// What the conductor says to a machine that has introduced itself.
#[derive(Debug)]
pub enum Introduction {
    /// All that a lookup would say.
    Lookup(Box<LookupResponse>),
    /// Only which node it is.
    Node(Option<Uuid>),
}

/// Sends the data. A server of at least 1.84 answers like a lookup, which saves one; to one that is older the
/// request goes without a version, as Ironic's agent sends it.
///
/// # Errors
/// When the data were not taken after all attempts.
pub async fn send_inspection(
    api: &Conductor,
    api_settings: &ApiSettings,
    settings: &InspectionSettings,
    data: &InspectionData,
) -> Result<Introduction, InspectionError> {
    let target = Conductor::with_urls(api_settings, settings.callback_urls.clone())?;
    let mut request = Request::new(Method::POST, "").body(serde_json::json!(data));
    if api.version().await >= ApiVersion::INSPECTION_LOOKUP {
        request = request
            .version(ApiVersion::INSPECTION_LOOKUP)
            .header(FERRIC_AGENT, &Extensions::all().to_header());
    }
    let mut attempt = 1;
    loop {
        let failure = match target.send(&request).await {
            Ok(answer) if answer.is_success() => return Ok(introduction(answer.json()?)),
            Ok(answer) if answer.status == 406 => {
                request = request.without_version();
                InspectionError::Refused(answer.reason())
            }
            Ok(answer) if answer.status == 409 || answer.status >= 500 => {
                InspectionError::Refused(answer.reason())
            }
            Ok(answer) => return Err(InspectionError::Refused(answer.reason())),
            Err(error) => error.into(),
        };
        if attempt >= ATTEMPTS {
            return Err(failure);
        }
        tracing::warn!(
            attempt,
            error = &failure as &dyn std::error::Error,
            "sending inspection data again"
        );
        sleep(pause(attempt)).await;
        attempt += 1;
    }
}

fn introduction(answer: InspectionAnswer) -> Introduction {
    match answer {
        InspectionAnswer {
            node: Some(node),
            config: Some(config),
            ..
        } => Introduction::Lookup(Box::new(LookupResponse { node, config })),
        InspectionAnswer { uuid, node, .. } => {
            Introduction::Node(uuid.or(node.map(|node| node.uuid)))
        }
    }
}

/// Doubles from 1.5 s, but is never below 5 s or above 30 s.
fn pause(attempt: u32) -> Duration {
    let doubled = Duration::from_millis(1500) * 2_u32.saturating_pow(attempt - 1);
    doubled.clamp(Duration::from_secs(5), Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pauses_are_those_of_ironics_agent() {
        let pauses: Vec<u128> = (1..=6).map(|attempt| pause(attempt).as_millis()).collect();
        assert_eq!(pauses, [5000, 5000, 6000, 12000, 24000, 30000]);
    }

    #[test]
    fn a_whole_lookup_is_recognised() {
        let uuid = Uuid::nil();
        let answer = |value| introduction(serde_json::from_value(value).unwrap());
        assert!(matches!(
            answer(json!({"uuid": uuid})),
            Introduction::Node(Some(_))
        ));
        let long = json!({"node": {"uuid": uuid}, "config": {"heartbeat_timeout": 9}});
        assert!(
            matches!(answer(long), Introduction::Lookup(found) if found.config.heartbeat_timeout == Some(9))
        );
    }
}
