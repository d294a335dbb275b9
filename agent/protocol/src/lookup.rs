//! The answer of `GET /v1/lookup`: which node this machine is, and how its agent is to behave.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::extensions::Extensions;
use crate::headers::{HIDDEN_TOKEN, MIN_TOKEN_LENGTH};
use crate::lenient;
use crate::node::Node;

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookupResponse {
    /// The node that has one of the addresses asked for.
    pub node: Node,
    /// The conductor's settings for its agent.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub config: LookupConfig,
}

/// The conductor's settings for its agent; each one that is absent leaves the agent's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LookupConfig {
    /// Seconds after which a silent agent is given up; 300 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub heartbeat_timeout: Option<u64>,
    /// What heartbeats and commands must carry; see [`Self::token`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_token: Option<String>,
    /// Always true; kept for the peers that look at it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub agent_token_required: Option<bool>,
    /// Whether MD5 checksums are accepted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub agent_md5_checksum_enable: Option<bool>,
    /// Turns the inspection of an image's format off.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub disable_deep_image_inspection: Option<bool>,
    /// The formats that an image may have.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::names"
    )]
    pub permitted_image_formats: Option<Vec<String>>,
    /// True where the conductor knows the BMC anyway.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub agent_skip_bmc_detect: Option<bool>,
    /// Counts only if it is true.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub enable_bios_bootloader_install: Option<bool>,
    /// `1.2` or `1.3`; the latter means 1.3 only.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub tls_min_version: Option<String>,
    /// Names of TLS 1.2 suites.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::names"
    )]
    pub tls_cipher_suites: Option<Vec<String>>,
    /// Rules for steps that run in containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_containers: Option<Value>,
    /// Where metrics go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Value>,
    /// Host and port of a statsd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_statsd: Option<Value>,
    /// What a Ferric conductor shares with this agent beyond Ironic's protocol.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::if_valid"
    )]
    pub ferric: Option<Extensions>,
    /// Keys of newer conductors.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What the lookup said about the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Use this one from now on.
    Given(&'a str),
    /// It was handed out before, to an agent that must still have it.
    Hidden,
    /// The conductor knows no tokens, or sent something that is none.
    Absent,
}

impl LookupConfig {
    /// Seconds after which a silent agent is given up.
    #[must_use]
    pub fn heartbeat_timeout_s(&self) -> u64 {
        self.heartbeat_timeout.filter(|s| *s > 0).unwrap_or(300)
    }

    /// What the answer says about the token.
    #[must_use]
    pub fn token(&self) -> Token<'_> {
        match self.agent_token.as_deref() {
            Some(HIDDEN_TOKEN) => Token::Hidden,
            Some(token) if token.len() >= MIN_TOKEN_LENGTH => Token::Given(token),
            Some(_) | None => Token::Absent,
        }
    }

    /// What both sides agreed on, given what this agent offered.
    #[must_use]
    pub fn agreed(&self, offered: &Extensions) -> Extensions {
        self.ferric
            .as_ref()
            .map_or_else(Extensions::default, |ferric| ferric.common(offered))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a conductor of Ironic answers it, with every key.
    fn from_ironic() -> Value {
        json!({
            "node": {
                "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781",
                "properties": {"cpu_arch": "x86_64", "root_device": {"size": ">= 10"}},
                "instance_info": {},
                "driver_internal_info": {"agent_erase_devices_iterations": 1, "agent_secret_token": "******"},
                "links": [{"href": "http://192.0.2.1:6385/v1/nodes/1be2", "rel": "self"}],
            },
            "config": {
                "metrics": {
                    "backend": "noop", "prepend_host": false, "prepend_uuid": false,
                    "prepend_host_reverse": true, "global_prefix": null,
                },
                "metrics_statsd": {"statsd_host": "localhost", "statsd_port": 8125},
                "heartbeat_timeout": 300,
                "agent_containers": {"allow_arbitrary_containers": false, "allowed_containers": []},
                "agent_token": "0123456789012345678901234567890123456789012",
                "agent_token_required": true,
                "agent_md5_checksum_enable": true,
                "disable_deep_image_inspection": false,
                "permitted_image_formats": ["raw", "gpt", "qcow2", "iso"],
                "agent_skip_bmc_detect": true,
                "enable_bios_bootloader_install": false,
                "tls_min_version": "1.3",
                "tls_cipher_suites": null,
                "a_key_of_next_year": {"x": 1},
            },
        })
    }

    #[test]
    fn every_key_of_an_ironic_conductor_is_read() {
        let answer: LookupResponse = serde_json::from_value(from_ironic()).unwrap();
        let config = &answer.config;
        assert_eq!(config.heartbeat_timeout_s(), 300);
        assert_eq!(config.tls_min_version.as_deref(), Some("1.3"));
        assert_eq!(config.permitted_image_formats.as_ref().unwrap().len(), 4);
        assert_eq!(config.agent_skip_bmc_detect, Some(true));
        assert!(matches!(config.token(), Token::Given(token) if token.len() == 43));
        assert_eq!(config.agreed(&Extensions::all()), Extensions::default());
        assert!(config.rest.contains_key("a_key_of_next_year"));
    }

    #[test]
    fn an_answer_survives_the_round_trip() {
        let answer: LookupResponse = serde_json::from_value(from_ironic()).unwrap();
        let again = serde_json::to_value(&answer).unwrap();
        let mut expected = from_ironic();
        expected["config"]
            .as_object_mut()
            .unwrap()
            .shift_remove("tls_cipher_suites");
        assert_eq!(again, expected);
    }

    #[test]
    fn tokens_are_told_apart() {
        let token = |text: &str| LookupConfig {
            agent_token: Some(text.to_owned()),
            ..LookupConfig::default()
        };
        assert_eq!(token("******").token(), Token::Hidden);
        assert_eq!(token("short").token(), Token::Absent);
        assert_eq!(LookupConfig::default().token(), Token::Absent);
    }

    #[test]
    fn a_wrong_type_in_one_setting_does_not_lose_the_lookup() {
        let config = json!({"heartbeat_timeout": "soon", "tls_min_version": 12, "ferric": 3});
        let config: LookupConfig = serde_json::from_value(config).unwrap();
        assert_eq!(config.heartbeat_timeout_s(), 300);
        assert_eq!(config.ferric, None);
    }
}
