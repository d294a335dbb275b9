//! The body of `POST /v1/heartbeat/<node uuid>`.

use serde::{Deserialize, Serialize};

/// A sign of life. Ironic refuses fields that are newer than the version in the request's header, so the sender
/// leaves out what the server is too old for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Where the agent serves its commands; must not change while the ramdisk runs.
    pub callback_url: String,
    /// From 1.62: what the lookup handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_token: Option<String>,
    /// From 1.36: never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// From 1.68: PEM text of the certificate that the conductor is to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_verify_ca: Option<String>,
    /// From 1.72, of other agents: `start`, `end` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_status: Option<String>,
    /// From 1.72, of other agents: what the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_status_message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_not_set_are_not_sent() {
        let beat = Heartbeat {
            callback_url: "https://192.0.2.9:9999".to_owned(),
            agent_version: Some("0.1.0".to_owned()),
            ..Heartbeat::default()
        };
        let json = serde_json::to_value(&beat).unwrap();
        let expected = serde_json::json!(
            {"callback_url": "https://192.0.2.9:9999", "agent_version": "0.1.0"}
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Heartbeat>(json).unwrap(), beat);
    }
}
