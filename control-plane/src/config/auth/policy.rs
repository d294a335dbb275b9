//! `[auth]`: a file of rules, and how the servers are asked that its checks name (`http:`, `https:`). The names of the
//! latter are oslo.policy's.

use crate::config::SettingsError;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// For one request of a caller, whatever its rules ask.
const MOST_TIMEOUT_S: u64 = 60;

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Section {
    policy_file: Option<PathBuf>,
    remote_content_type: QuestionForm,
    remote_timeout_s: u64,
    remote_ssl_verify_server_crt: bool,
    remote_ssl_ca_crt_file: Option<PathBuf>,
    remote_ssl_client_crt_file: Option<PathBuf>,
    remote_ssl_client_key_file: Option<PathBuf>,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            policy_file: None,
            remote_content_type: QuestionForm::default(),
            remote_timeout_s: 10,
            remote_ssl_verify_server_crt: true,
            remote_ssl_ca_crt_file: None,
            remote_ssl_client_crt_file: None,
            remote_ssl_client_key_file: None,
        }
    }
}

/// How servers are asked that checks of the file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyServers {
    pub form: QuestionForm,
    /// For all questions together that the rules of one request ask.
    pub timeout: Duration,
    pub trust: Trust,
    /// Of a client certificate.
    pub identity: Option<ClientFiles>,
}

/// What a question is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum QuestionForm {
    #[default]
    #[serde(rename = "application/x-www-form-urlencoded")]
    Form,
    #[serde(rename = "application/json")]
    Json,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Of an authority that the system knows.
    System,
    /// Of one whose certificate is in this file.
    File(PathBuf),
    /// Everybody's.
    Anybody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    pub certificate: PathBuf,
    /// `None`: it stands in the certificate's file.
    pub key: Option<PathBuf>,
}

impl Default for PolicyServers {
    fn default() -> Self {
        let section = Section::default();
        Self {
            form: section.remote_content_type,
            timeout: Duration::from_secs(section.remote_timeout_s),
            trust: Trust::System,
            identity: None,
        }
    }
}

impl Section {
    pub(super) fn check(self) -> Result<(Option<PathBuf>, PolicyServers), SettingsError> {
        let refused = |option, problem: &str| SettingsError::Option {
            option,
            problem: problem.to_owned(),
        };
        if self.remote_timeout_s == 0 || self.remote_timeout_s > MOST_TIMEOUT_S {
            return Err(SettingsError::Value {
                setting: "auth.remote_timeout_s",
                value: self.remote_timeout_s.to_string(),
                problem: "must be from 1 to 60",
            });
        }
        let verify = self.remote_ssl_verify_server_crt;
        let trust = match (verify, self.remote_ssl_ca_crt_file) {
            (true, None) => Trust::System,
            (true, Some(file)) => Trust::File(file),
            (false, None) => Trust::Anybody,
            (false, Some(_)) => {
                return Err(refused(
                    "auth.remote_ssl_ca_crt_file",
                    "is looked at by nothing with remote_ssl_verify_server_crt = false: leave one of them out",
                ));
            }
        };
        let key = self.remote_ssl_client_key_file;
        let identity = match (self.remote_ssl_client_crt_file, key) {
            (Some(certificate), key) => Some(ClientFiles { certificate, key }),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(refused(
                    "auth.remote_ssl_client_key_file",
                    "needs remote_ssl_client_crt_file, the certificate that it is the key of",
                ));
            }
        };
        let servers = PolicyServers {
            form: self.remote_content_type,
            timeout: Duration::from_secs(self.remote_timeout_s),
            trust,
            identity,
        };
        Ok((self.policy_file, servers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<PolicyServers, String> {
        let section: Section = toml::from_str(text).map_err(|error| error.to_string())?;
        let checked = section.check().map_err(|error| error.to_string());
        checked.map(|(_, servers)| servers)
    }

    #[test]
    fn servers_must_show_who_they_are_unless_the_settings_say_otherwise() {
        let default = check("").unwrap();
        assert_eq!(default, PolicyServers::default());
        assert_eq!(default.trust, Trust::System);
        assert_eq!(default.timeout, Duration::from_secs(10));
        let all = check(
            "remote_content_type = 'application/json'\nremote_timeout_s = 3\nremote_ssl_ca_crt_file = '/ca'\n\
             remote_ssl_client_crt_file = '/crt'\nremote_ssl_client_key_file = '/key'",
        );
        let expected = PolicyServers {
            form: QuestionForm::Json,
            timeout: Duration::from_secs(3),
            trust: Trust::File("/ca".into()),
            identity: Some(ClientFiles {
                certificate: "/crt".into(),
                key: Some("/key".into()),
            }),
        };
        assert_eq!(all.unwrap(), expected);
        let anybody = check("remote_ssl_verify_server_crt = false").unwrap();
        assert_eq!(anybody.trust, Trust::Anybody);
        let both = check("remote_ssl_client_crt_file = '/both'").unwrap();
        assert_eq!(both.identity.unwrap().key, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, expected) in [
            ("remote_content_type = 'text/xml'", "application/json"),
            ("remote_timeout_s = 0", "must be from 1 to 60"),
            ("remote_timeout_s = 61", "must be from 1 to 60"),
            (
                "remote_ssl_client_key_file = '/key'",
                "needs remote_ssl_client_crt_file",
            ),
            (
                "remote_ssl_verify_server_crt = false\nremote_ssl_ca_crt_file = '/ca'",
                "leave one of them out",
            ),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
