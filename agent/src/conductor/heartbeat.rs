//! One heartbeat, and when the next is due.

use std::time::Duration;

use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_agent_protocol::version::ApiVersion;
use http::Method;

use super::client::{ClientError, Conductor, Request};
use crate::state::Session;

/// How Ironic's API words that a token is wrong or missing.
const TOKEN_REFUSAL: &str = "agent token";

/// Why a heartbeat was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BeatError {
    #[error("sending a heartbeat")]
    Send(#[source] ClientError),
    #[error("the conductor holds the node's lock")]
    Locked,
    #[error("the conductor does not know this agent's token: {0}")]
    Token(String),
    #[error("the conductor refused a heartbeat: {0}")]
    Refused(String),
}

/// Tells the conductor that the agent is there and where. What the server is too old for is left out, since Ironic
/// refuses fields that it does not know.
///
/// # Errors
/// When it was not accepted.
pub async fn beat(conductor: &Conductor, session: &Session) -> Result<(), BeatError> {
    let version = conductor.version().await.map_err(BeatError::Send)?;
    let version = version.min(ApiVersion::AGENT_VERIFY_CA);
    let path = format!("/v1/heartbeat/{}", session.node.uuid);
    let body = serde_json::json!(body(session, version));
    let request = Request::new(Method::POST, path).version(version).body(body);
    let answer = conductor.send(&request).await.map_err(BeatError::Send)?;
    match answer.status {
        200..300 => Ok(()),
        409 => Err(BeatError::Locked),
        400 if answer.reason().contains(TOKEN_REFUSAL) => Err(BeatError::Token(answer.reason())),
        _ => Err(BeatError::Refused(answer.reason())),
    }
}

fn body(session: &Session, version: ApiVersion) -> Heartbeat {
    let since = |first: ApiVersion, value: Option<String>| value.filter(|_| version >= first);
    let certificate = session
        .certificate
        .as_ref()
        .map(|certificate| certificate.pem.clone());
    let own_version = env!("CARGO_PKG_VERSION").to_owned();
    Heartbeat {
        callback_url: session.callback_url.clone(),
        agent_token: since(ApiVersion::AGENT_TOKEN, session.token.clone()),
        agent_version: since(ApiVersion::AGENT_VERSION, Some(own_version)),
        agent_verify_ca: since(ApiVersion::AGENT_VERIFY_CA, certificate),
        agent_status: None,
        agent_status_message: None,
    }
}

/// When heartbeats are due.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After this time without one the conductor gives the agent up.
    pub timeout: Duration,
}

impl Pace {
    /// Forced heartbeats are not closer together than this.
    pub const SHORTEST: Duration = Duration::from_secs(5);

    /// The pause after a heartbeat that was accepted: three to six tenths of the time-out.
    #[must_use]
    pub fn after_success(self) -> Duration {
        self.timeout.mul_f64(rand::random_range(0.3..=0.6))
    }

    /// The pause after one that was not.
    #[must_use]
    pub fn after_failure(self) -> Duration {
        Self::SHORTEST
            .mul_f64(rand::random_range(1.0..=2.0))
            .min(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tls::Certificate;

    fn session() -> Session {
        Session {
            node: serde_json::from_value(json!({"uuid": uuid::Uuid::nil()})).unwrap(),
            config: serde_json::from_value(json!({})).unwrap(),
            token: Some("token".to_owned()),
            callback_url: "https://192.0.2.7:9999".to_owned(),
            listen: "192.0.2.7:9999".parse().ok(),
            certificate: Some(Certificate {
                pem: "PEM".to_owned(),
                key_pem: "KEY".to_owned(),
            }),
        }
    }

    fn keys(version: &str) -> Vec<String> {
        let body = json!(body(&session(), version.parse().unwrap()));
        assert!(!body.to_string().contains("KEY"));
        body.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn what_the_server_is_too_old_for_is_left_out() {
        assert_eq!(keys("1.31"), ["callback_url"]);
        assert_eq!(keys("1.36"), ["callback_url", "agent_version"]);
        assert_eq!(
            keys("1.62"),
            ["callback_url", "agent_token", "agent_version"]
        );
        let all = [
            "callback_url",
            "agent_token",
            "agent_version",
            "agent_verify_ca",
        ];
        assert_eq!(keys("1.68"), all);
    }

    #[test]
    fn pauses_lie_within_their_bounds() {
        let pace = Pace {
            timeout: Duration::from_secs(300),
        };
        for _ in 0..100 {
            assert!((90..=180).contains(&pace.after_success().as_secs()));
            assert!((5..=10).contains(&pace.after_failure().as_secs()));
        }
    }
}
