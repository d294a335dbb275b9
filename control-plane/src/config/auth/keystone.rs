//! `[keystone]`: where it is, who we are to it, and how long its answers hold.

use super::{Secret, checked_url};
use crate::auth::Role;
use crate::config::SettingsError;
use serde::Deserialize;

/// Where Keystone is, and who we are to it.
#[derive(Clone, Debug)]
pub struct Keystone {
    pub login: Login,
    /// What callers without a token are told.
    pub public_url: String,
    /// An answer about a token holds for so long: that is how long a revoked one is taken at most.
    pub cache_s: u64,
    pub timeout_s: u64,
    /// A token of a service has one of these roles.
    pub service_token_roles: Vec<Role>,
}

/// Where we get tokens of our own, and by what.
#[derive(Clone, Debug)]
pub struct Login {
    /// With `/v3` at its end.
    pub url: String,
    pub credentials: Credentials,
}

#[derive(Clone, Debug)]
pub enum Credentials {
    Password {
        username: String,
        password: Secret,
        user_domain_name: String,
        /// `None`: for the system.
        project_name: Option<String>,
        project_domain_name: String,
    },
    Application {
        id: String,
        secret: Secret,
    },
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeystoneSection {
    url: String,
    public_url: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    #[serde(default = "default_domain")]
    user_domain_name: String,
    project_name: Option<String>,
    #[serde(default = "default_domain")]
    project_domain_name: String,
    application_credential_id: Option<String>,
    application_credential_secret: Option<Secret>,
    #[serde(default = "cache_s")]
    cache_s: u64,
    #[serde(default = "timeout_s")]
    timeout_s: u64,
    #[serde(default = "service_token_roles")]
    service_token_roles: Vec<Role>,
}

pub(in crate::config) fn default_domain() -> String {
    "Default".to_owned()
}

fn cache_s() -> u64 {
    60
}

fn timeout_s() -> u64 {
    10
}

fn service_token_roles() -> Vec<Role> {
    vec![Role::Service]
}

impl KeystoneSection {
    pub(super) fn check(self) -> Result<Keystone, SettingsError> {
        let url = checked_url("keystone.url", &self.url)?;
        let public_url = match &self.public_url {
            Some(url) => checked_url("keystone.public_url", url)?,
            None => url.clone(),
        };
        for (setting, value, most) in [
            ("keystone.cache_s", self.cache_s, 3600),
            ("keystone.timeout_s", self.timeout_s, 300),
        ] {
            if value > most || (value == 0 && setting == "keystone.timeout_s") {
                return Err(SettingsError::Value {
                    setting,
                    value: value.to_string(),
                    problem: "is not a useful number of seconds: leave it out for the default",
                });
            }
        }
        let written = WrittenCredentials {
            username: self.username,
            password: self.password,
            user_domain_name: self.user_domain_name,
            project_name: self.project_name,
            project_domain_name: self.project_domain_name,
            application_credential_id: self.application_credential_id,
            application_credential_secret: self.application_credential_secret,
        };
        Ok(Keystone {
            login: Login::new(url, written.check("[keystone]")?),
            public_url,
            cache_s: self.cache_s,
            timeout_s: self.timeout_s,
            service_token_roles: self.service_token_roles,
        })
    }
}

/// As any section that has credentials has them.
pub(in crate::config) struct WrittenCredentials {
    pub(in crate::config) username: Option<String>,
    pub(in crate::config) password: Option<Secret>,
    pub(in crate::config) user_domain_name: String,
    pub(in crate::config) project_name: Option<String>,
    pub(in crate::config) project_domain_name: String,
    pub(in crate::config) application_credential_id: Option<String>,
    pub(in crate::config) application_credential_secret: Option<Secret>,
}

impl WrittenCredentials {
    pub(in crate::config) fn check(
        self,
        section: &'static str,
    ) -> Result<Credentials, SettingsError> {
        let password = self.username.zip(self.password);
        let application = self
            .application_credential_id
            .zip(self.application_credential_secret);
        match (password, application) {
            (Some((username, password)), None) => Ok(Credentials::Password {
                username,
                password,
                user_domain_name: self.user_domain_name,
                project_name: self.project_name,
                project_domain_name: self.project_domain_name,
            }),
            (None, Some((id, secret))) => Ok(Credentials::Application { id, secret }),
            (None, None) | (Some(_), Some(_)) => {
                let problem = "needs either username and password, or application_credential_id and \
                               application_credential_secret";
                Err(SettingsError::Option {
                    option: section,
                    problem: problem.to_owned(),
                })
            }
        }
    }
}

impl Login {
    pub(in crate::config) fn new(url: String, credentials: Credentials) -> Self {
        let url = match url.ends_with("/v3") {
            true => url,
            false => format!("{url}/v3"),
        };
        Self { url, credentials }
    }
}
