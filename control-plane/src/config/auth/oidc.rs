//! `[oidc]`: whose tokens are taken, and what their claims mean here.

use super::checked_url;
use crate::auth::Role;
use crate::config::SettingsError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Whose tokens are taken, and what their claims mean.
#[derive(Clone, Debug)]
pub struct Oidc {
    pub issuer: String,
    /// Names of us; a token must be for one of them.
    pub audience: Vec<String>,
    pub keys: KeySource,
    /// How far the issuer's clock may be from ours.
    pub leeway_s: u32,
    /// The names of claims, with dots for what is inside of another one.
    pub user_claim: String,
    pub roles_claim: String,
    pub project_claim: String,
    pub project_name_claim: String,
    /// What the issuer calls a role, and which one that is in the token's project.
    pub role_map: BTreeMap<String, Role>,
    /// The same, in the system: who has one of these has it everywhere.
    pub system_role_map: BTreeMap<String, Role>,
}

/// Where the issuer's keys (JWKS) are.
#[derive(Clone, Debug)]
pub enum KeySource {
    File(PathBuf),
    Url(String),
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OidcSection {
    issuer: String,
    audience: Names,
    jwks_file: Option<PathBuf>,
    jwks_url: Option<String>,
    #[serde(default = "leeway_s")]
    leeway_s: u32,
    user_claim: Option<String>,
    roles_claim: Option<String>,
    project_claim: Option<String>,
    project_name_claim: Option<String>,
    role_map: Option<BTreeMap<String, Role>>,
    #[serde(default)]
    system_role_map: BTreeMap<String, Role>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

fn leeway_s() -> u32 {
    60
}

impl OidcSection {
    pub(super) fn check(self) -> Result<Oidc, SettingsError> {
        let keys = match (self.jwks_file, self.jwks_url) {
            (Some(file), None) => KeySource::File(file),
            (None, Some(url)) => KeySource::Url(checked_url("oidc.jwks_url", &url)?),
            (None, None) | (Some(_), Some(_)) => {
                return Err(SettingsError::Option {
                    option: "[oidc]",
                    problem: "needs either jwks_file or jwks_url: where the issuer's keys are"
                        .to_owned(),
                });
            }
        };
        let own_names = || {
            let all = Role::ALL.into_iter();
            all.map(|role| (role.name().to_owned(), role)).collect()
        };
        let or = |claim: Option<String>, default: &str| claim.unwrap_or_else(|| default.to_owned());
        Ok(Oidc {
            issuer: self.issuer,
            audience: match self.audience {
                Names::One(name) => vec![name],
                Names::Several(names) => names,
            },
            keys,
            leeway_s: self.leeway_s,
            user_claim: or(self.user_claim, "sub"),
            roles_claim: or(self.roles_claim, "roles"),
            project_claim: or(self.project_claim, "project_id"),
            project_name_claim: or(self.project_name_claim, "project_name"),
            role_map: self.role_map.unwrap_or_else(own_names),
            system_role_map: self.system_role_map,
        })
    }
}
