//! The TOML file as it is written, and the checks that turn it into [`Settings`].

mod bounds;
#[cfg(test)]
mod tests;

use super::auth::{self, KeystoneSection, OidcSection, Rbac, StrategyName};
use super::auto_discovery;
use super::beats::check_beats;
use super::cluster::Section;
use super::glance::GlanceSection;
use super::healthcheck;
use super::inspection;
use super::{
    Agent, Boot, Conductor, Deploy, Http, Overrides, Settings, SettingsError, Steps, Timeline,
};
use crate::server_tls::Files;
use bounds::{check_intervals, check_patience, max_limit};
use ferric_store::DatabaseUrl;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6385);

/// The whole file; every section may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    state_dir: Option<PathBuf>,
    store: Option<StoreText>,
    host: Option<String>,
    conductor_group: String,
    auth_strategy: StrategyName,
    http_basic_auth_user_file: Option<PathBuf>,
    keystone: Option<KeystoneSection>,
    oidc: Option<OidcSection>,
    rbac: Rbac,
    auth: auth::Section,
    api: Api,
    provision: Provision,
    http: Http,
    healthcheck: healthcheck::Section,
    cluster: Option<Section>,
    drivers: Drivers,
    conductor: Conductor,
    deploy: Deploy,
    timeline: Timeline,
    agent: Agent,
    boot: Boot,
    inspection: inspection::Section,
    auto_discovery: auto_discovery::Section,
    steps: Steps,
    images: Images,
    glance: Option<GlanceSection>,
}

/// As it is written: it may hold a password, and so shows itself nowhere.
#[derive(Deserialize)]
#[serde(transparent)]
struct StoreText(String);

impl fmt::Debug for StoreText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoreText(***)")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Api {
    listen: Option<SocketAddr>,
    #[serde(alias = "public_endpoint")]
    public_url: Option<String>,
    enable_proxy_headers_parsing: bool,
    allow_unauthenticated: bool,
    max_limit: Option<u16>,
    #[serde(alias = "enable_ramdisk_endpoints")]
    ramdisk_endpoints: Option<bool>,
    restrict_lookup: Option<bool>,
    tls: Option<Files>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Provision {
    listen: Option<SocketAddr>,
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Images {
    allowed_paths: Vec<PathBuf>,
}

/// What is enabled. Nothing named: everything that is built in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drivers {
    pub enabled_hardware_types: Option<Vec<String>>,
    /// By interface kind: `boot = ["ipxe"]`.
    pub enabled_interfaces: BTreeMap<String, Vec<String>>,
    /// By interface kind: `deploy = "direct"`.
    pub default_interfaces: BTreeMap<String, String>,
    /// Where the machines of `fake-hardware` keep their state; `None`: they end with the process.
    pub fake_state_dir: Option<PathBuf>,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_owned(),
            source,
        })?;
        parse(&text).map_err(|source| SettingsError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    pub(super) fn check(self, overrides: Overrides) -> Result<Settings, SettingsError> {
        let listen = overrides
            .listen
            .or(self.api.listen)
            .unwrap_or(DEFAULT_LISTEN);
        let auth = auth::Written {
            strategy: self.auth_strategy,
            user_file: self.http_basic_auth_user_file,
            keystone: self.keystone,
            oidc: self.oidc,
            rbac: self.rbac,
            section: self.auth,
        };
        let auth = auth.check()?;
        let is_open = auth.is_open() && !self.api.allow_unauthenticated;
        if !listen.ip().is_loopback() && is_open {
            return Err(SettingsError::Unauthenticated(listen));
        }
        let provision_listen = overrides.provision_listen.or(self.provision.listen);
        check_intervals(&self.conductor, &self.agent)?;
        let agent_s = self.agent.request_timeout_s;
        check_beats(&self.conductor, agent_s, self.store.is_some())?;
        check_patience(&self.http)?;
        self.steps.check()?;
        let state_dir = overrides
            .state_dir
            .or(self.state_dir)
            .ok_or(SettingsError::NoStateDir)?;
        let inspection = self.inspection.check()?;
        let cluster = self.cluster.map(|section| section.check(&state_dir));
        Ok(Settings {
            state_dir,
            store: self.store.map(|text| database(&text.0)).transpose()?,
            host: self.host.map_or_else(host_name, Ok)?,
            conductor_group: self.conductor_group.to_lowercase(),
            listen,
            provision_listen,
            provision_url: provision_url(self.provision.url, provision_listen)?,
            public_url: self
                .api
                .public_url
                .map(|url| url.trim_end_matches('/').to_owned()),
            parse_proxy_headers: self.api.enable_proxy_headers_parsing,
            max_limit: max_limit(self.api.max_limit)?,
            ramdisk_endpoints: self.api.ramdisk_endpoints.unwrap_or(true),
            restrict_lookup: self.api.restrict_lookup.unwrap_or(true),
            healthcheck: self.healthcheck.check()?,
            http: self.http,
            auth,
            tls: self.api.tls,
            cluster: cluster.transpose()?,
            drivers: self.drivers,
            conductor: self.conductor,
            deploy: self.deploy,
            timeline: self.timeline,
            agent: self.agent,
            boot: self.boot,
            auto_discovery: self.auto_discovery.check(&inspection)?,
            inspection,
            steps: self.steps,
            image_paths: self.images.allowed_paths,
            glance: self.glance.map(GlanceSection::check).transpose()?,
        })
    }
}

/// An error quotes the line that it is about, unless that may be one with a password.
fn parse(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text).map_err(|mut error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..at).unwrap_or_default();
        let line = before.lines().count().saturating_sub(1);
        let mut near = text.lines().skip(line.saturating_sub(1)).take(3);
        let secret = |line: &str| {
            let words = ["://", "password", "secret", "temp_url_key"];
            words.iter().any(|word| line.contains(word))
        };
        if near.any(secret) {
            error.set_input(None);
        }
        error
    })
}

fn provision_url(
    url: Option<String>,
    listen: Option<SocketAddr>,
) -> Result<Option<String>, SettingsError> {
    match (url, listen) {
        (Some(url), _) => Ok(Some(url.trim_end_matches('/').to_owned())),
        (None, Some(address)) if address.ip().is_unspecified() => {
            Err(SettingsError::ProvisionAddress(address))
        }
        (None, address) => Ok(address.map(|address| format!("http://{address}"))),
    }
}

/// The text itself is not repeated in an error.
fn database(text: &str) -> Result<DatabaseUrl, SettingsError> {
    text.parse().map_err(SettingsError::Store)
}

fn host_name() -> Result<String, SettingsError> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").map_err(SettingsError::Host)?;
    Ok(name.trim().to_owned())
}
