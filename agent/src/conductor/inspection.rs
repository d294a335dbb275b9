//! Sends what was found out about the machine.

use std::time::Duration;

use ferric_agent_protocol::inspection::{InspectionAnswer, InspectionData};
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

/// Sends the data; answers which node they belong to. The request names no version: from 1.84 on a server would
/// answer it like a lookup and give the token away, and when that answer is lost, so is the token.
///
/// # Errors
/// When the data were not taken after all attempts.
pub async fn send_inspection(
    api_settings: &ApiSettings,
    settings: &InspectionSettings,
    data: &InspectionData,
) -> Result<Option<Uuid>, InspectionError> {
    let target = Conductor::with_urls(api_settings, settings.callback_urls.clone())?;
    let request = Request::new(Method::POST, "").body(serde_json::json!(data));
    let mut attempt = 1;
    loop {
        let failure = match target.send(&request).await {
            Ok(answer) if answer.is_success() => return Ok(node(answer.json()?)),
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

fn node(answer: InspectionAnswer) -> Option<Uuid> {
    answer.uuid.or(answer.node.map(|node| node.uuid))
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
    fn both_answers_name_the_node() {
        let uuid = Uuid::nil();
        let answer = |value| node(serde_json::from_value(value).unwrap());
        assert_eq!(answer(json!({"uuid": uuid})), Some(uuid));
        let long = json!({"node": {"uuid": uuid}, "config": {"heartbeat_timeout": 9}});
        assert_eq!(answer(long), Some(uuid));
        assert_eq!(answer(json!({})), None);
    }
}
