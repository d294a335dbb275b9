//! `auth_strategy` and what goes with it: how the operators' API knows its callers, and what rules look at.

mod keystone;
mod oidc;
mod policy;

pub use keystone::{Credentials, Keystone, Login};
pub(super) use keystone::{KeystoneSection, WrittenCredentials, default_domain};
pub(super) use oidc::OidcSection;
pub use oidc::{KeySource, Oidc};
pub(super) use policy::Section;
pub use policy::{ClientFiles, PolicyServers, QuestionForm, Trust};

use super::SettingsError;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// Everything about callers, checked.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    pub strategy: Strategy,
    pub rbac: Rbac,
    /// Rules of the operator's own, in the place of Ferric's; `None`: there are none.
    pub policy_file: Option<PathBuf>,
    pub policy_servers: PolicyServers,
}

impl Auth {
    /// Whether callers have roles, by which rules decide.
    pub(crate) fn has_roles(&self) -> bool {
        matches!(self.strategy, Strategy::Keystone(_) | Strategy::Oidc(_))
    }

    /// Whether everybody who reaches the API is let in.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.strategy, Strategy::NoAuth)
    }
}

/// How callers are known.
#[derive(Clone, Debug, Default)]
pub enum Strategy {
    #[default]
    NoAuth,
    /// By a file of users that `htpasswd -B` writes.
    HttpBasic { user_file: PathBuf },
    /// By tokens that Keystone knows.
    Keystone(Keystone),
    /// By tokens that an issuer has signed.
    Oidc(Oidc),
}

/// What is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// What the rules look at beside the caller's roles.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rbac {
    /// Whether the role `service` in the project of services has what members of the system have.
    pub service_role_elevated_access: bool,
    /// Empty: there is no such project.
    pub service_project_name: String,
    /// Whether the administrator of a project may make and delete nodes that it owns.
    pub project_admin_can_manage_own_nodes: bool,
}

impl Default for Rbac {
    fn default() -> Self {
        Self {
            service_role_elevated_access: false,
            service_project_name: "service".to_owned(),
            project_admin_can_manage_own_nodes: true,
        }
    }
}

impl Rbac {
    /// The name of the project whose services are let everywhere, if those of one are.
    pub(crate) fn elevated_project(&self) -> Option<&str> {
        let name = self.service_project_name.as_str();
        (self.service_role_elevated_access && !name.is_empty()).then_some(name)
    }
}

/// `http` or `https`, without a slash at its end.
pub(super) fn checked_url(setting: &'static str, text: &str) -> Result<String, SettingsError> {
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Ok(_) | Err(_) => Err(SettingsError::Value {
            setting,
            value: text.to_owned(),
            problem: "must be a URL that begins with http:// or https://",
        }),
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StrategyName {
    #[default]
    #[serde(rename = "noauth")]
    NoAuth,
    HttpBasic,
    Keystone,
    Oidc,
}

/// As it is written.
pub(super) struct Written {
    pub(super) strategy: StrategyName,
    pub(super) user_file: Option<PathBuf>,
    pub(super) keystone: Option<KeystoneSection>,
    pub(super) oidc: Option<OidcSection>,
    pub(super) rbac: Rbac,
    pub(super) section: Section,
}

impl Written {
    pub(super) fn check(self) -> Result<Auth, SettingsError> {
        let missing = |option, problem: &str| SettingsError::Option {
            option,
            problem: format!("is missing: auth_strategy = {problem}"),
        };
        let strategy = match self.strategy {
            StrategyName::NoAuth => Strategy::NoAuth,
            StrategyName::HttpBasic => Strategy::HttpBasic {
                user_file: self.user_file.ok_or_else(|| {
                    let problem = "\"http_basic\" needs the file of users, made with `htpasswd -B`";
                    missing("http_basic_auth_user_file", problem)
                })?,
            },
            StrategyName::Keystone => {
                let section = self.keystone;
                let section = section.ok_or_else(|| {
                    let problem = "\"keystone\" needs its url and credentials for it";
                    missing("[keystone]", problem)
                })?;
                Strategy::Keystone(section.check()?)
            }
            StrategyName::Oidc => {
                let section = self.oidc;
                let section = section.ok_or_else(|| {
                    let problem = "\"oidc\" needs issuer, audience and keys of the issuer";
                    missing("[oidc]", problem)
                })?;
                Strategy::Oidc(section.check()?)
            }
        };
        let (policy_file, policy_servers) = self.section.check()?;
        Ok(Auth {
            strategy,
            rbac: self.rbac,
            policy_file,
            policy_servers,
        })
    }
}

/// A section as a file has it, for tests of the strategies.
#[cfg(test)]
pub(crate) fn oidc_of(text: &str) -> Oidc {
    let section: OidcSection = toml::from_str(text).unwrap();
    section.check().unwrap()
}

#[cfg(test)]
pub(crate) fn keystone_of(text: &str) -> Keystone {
    let section: KeystoneSection = toml::from_str(text).unwrap();
    section.check().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{File, Overrides};

    fn check(text: &str, expected: Result<(), &str>) {
        let outcome = toml::from_str::<File>(text)
            .map_err(|error| error.to_string())
            .and_then(|file| {
                let state_dir = Some(PathBuf::from("/tmp/state"));
                let overrides = Overrides {
                    state_dir,
                    ..Overrides::default()
                };
                file.check(overrides).map_err(|error| error.to_string())
            });
        match (outcome, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => {
                assert!(error.contains(part), "{error:?} does not contain {part:?}");
            }
            (outcome, expected) => panic!("{text:?}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn each_strategy_with_what_it_needs() {
        let everywhere = "[api]\nlisten = '0.0.0.0:6385'";
        check(everywhere, Err("set auth_strategy"));
        check(
            &format!("auth_strategy = 'noauth'\n{everywhere}"),
            Err("refusing to listen"),
        );
        check(
            "auth_strategy = 'http_basic'",
            Err("http_basic_auth_user_file"),
        );
        let basic = "auth_strategy = 'http_basic'\nhttp_basic_auth_user_file = '/x'\n";
        check(&format!("{basic}{everywhere}"), Ok(()));
        check("auth_strategy = 'basic'", Err("unknown variant"));
        check("auth_strategy = 'keystone'", Err("[keystone]"));
        let keystone = "auth_strategy = 'keystone'\n[keystone]\nurl = 'http://a:5000'\n";
        check(keystone, Err("either username and password"));
        let password = format!("{keystone}username = 'a'\npassword = 'b'\n");
        check(&password, Ok(()));
        check(
            &format!(
                "{password}application_credential_id = 'a'\napplication_credential_secret = 'b'"
            ),
            Err("either username"),
        );
        check(&format!("{password}cache_s = 3601"), Err("cache_s"));
        check(
            &format!("{password}service_token_roles = ['nova']"),
            Err("unknown variant `nova`"),
        );
        check(
            "auth_strategy = 'keystone'\n[keystone]\nurl = 'a:5000'",
            Err("http://"),
        );
        let oidc = "auth_strategy = 'oidc'\n[oidc]\nissuer = 'i'\naudience = ['a', 'b']\n";
        check(oidc, Err("either jwks_file or jwks_url"));
        check(&format!("{oidc}jwks_file = '/x'"), Ok(()));
        check(
            &format!("{oidc}jwks_file = '/x'\nrole_map = {{ops = 'root'}}"),
            Err("unknown variant `root`"),
        );
        check(
            &format!("{oidc}jwks_file = '/x'\nsystem_role_map = {{ops = 'admin'}}"),
            Ok(()),
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = "url = 'http://a'\nusername = 'a'\npassword = 'hunter2'";
        let settings = keystone_of(text);
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.login.url, "http://a/v3");
        assert_eq!(settings.public_url, "http://a");
    }
}
