//! The TOML file as it is written, and the checks that turn it into [`Settings`].

use super::auth::{self, KeystoneSection, OidcSection, Rbac, StrategyName};
use super::beats::check_beats;
use super::cluster::Section;
use super::glance::GlanceSection;
use super::inspection;
use super::{
    Agent, Boot, Conductor, Deploy, Http, Overrides, Settings, SettingsError, Steps, Timeline,
};
use crate::server_tls::Files;
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
    cluster: Option<Section>,
    drivers: Drivers,
    conductor: Conductor,
    deploy: Deploy,
    timeline: Timeline,
    agent: Agent,
    boot: Boot,
    inspection: inspection::Section,
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
            inspection: self.inspection.check()?,
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

fn check_intervals(conductor: &Conductor, agent: &Agent) -> Result<(), SettingsError> {
    let wrong = |setting, value: u64, problem| {
        Err(SettingsError::Value {
            setting,
            value: value.to_string(),
            problem,
        })
    };
    if agent.poll_interval_s == 0 || agent.poll_interval_s > 10 {
        return wrong(
            "agent.poll_interval_s",
            agent.poll_interval_s,
            "must be from 1 to 10",
        );
    }
    if conductor.wait_check_interval_s == 0 || conductor.wait_check_interval_s > 60 {
        return wrong(
            "conductor.wait_check_interval_s",
            conductor.wait_check_interval_s,
            "must be from 1 to 60, or waits would never end",
        );
    }
    for (setting, value) in [
        (
            "conductor.periodic_concurrency",
            conductor.periodic_concurrency,
        ),
        ("conductor.power_sync_workers", conductor.power_sync_workers),
        (
            "conductor.sensor_data_workers",
            conductor.sensor_data_workers,
        ),
    ] {
        if value == 0 {
            return wrong(setting, 0, "must be at least 1");
        }
    }
    if conductor.hash_partition_exponent > 16 {
        return wrong(
            "conductor.hash_partition_exponent",
            conductor.hash_partition_exponent.into(),
            "must be from 0 to 16",
        );
    }
    if conductor.boot_retry_timeout_s > 0 && conductor.boot_retry_check_interval_s == 0 {
        return wrong(
            "conductor.boot_retry_check_interval_s",
            0,
            "must be at least 1 where boot_retry_timeout_s is set",
        );
    }
    Ok(())
}

/// Zero would turn every client away, and a time-out of years is none.
fn check_patience(http: &Http) -> Result<(), SettingsError> {
    const DAY_S: u64 = 86_400;
    let connections = u64::try_from(http.connections).unwrap_or(u64::MAX);
    let streams = u64::try_from(http.event_streams).unwrap_or(u64::MAX);
    let share = u64::try_from(http.event_streams_per_caller).unwrap_or(u64::MAX);
    let body_mib = u64::try_from(http.body_memory_mib).unwrap_or(u64::MAX);
    let answer_mib = u64::try_from(http.answer_memory_mib).unwrap_or(u64::MAX);
    let settings = [
        ("http.connections", connections, 1, 1 << 20),
        ("http.header_timeout_s", http.header_timeout_s, 1, DAY_S),
        ("http.body_pause_s", http.body_pause_s, 1, DAY_S),
        ("http.body_timeout_s", http.body_timeout_s, 1, DAY_S),
        ("http.stop_grace_s", http.stop_grace_s, 0, DAY_S),
        ("http.event_streams", streams, 0, 1 << 20),
        ("http.event_streams_per_caller", share, 1, 1 << 20),
        ("http.answer_stall_s", http.answer_stall_s, 1, DAY_S),
        (
            "http.answer_stall_bytes",
            http.answer_stall_bytes,
            1,
            1 << 20,
        ),
        // The largest of all must find room.
        ("http.body_memory_mib", body_mib, 96, 1 << 20),
        ("http.answer_memory_mib", answer_mib, 64, 1 << 20),
    ];
    for (setting, value, least, most) in settings {
        if !(least..=most).contains(&value) {
            return Err(SettingsError::Value {
                setting,
                value: value.to_string(),
                problem: "is not a useful number: leave it out for the default",
            });
        }
    }
    Ok(())
}

fn host_name() -> Result<String, SettingsError> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").map_err(SettingsError::Host)?;
    Ok(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let outcome = toml::from_str::<File>(text)
            .map_err(|error| error.to_string())
            .and_then(|file| {
                let state_dir = Some(PathBuf::from("/tmp/state"));
                file.check(Overrides {
                    state_dir,
                    ..Overrides::default()
                })
                .map_err(|error| error.to_string())
            });
        match (outcome, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(part)) => {
                assert!(error.contains(part), "{error:?} does not contain {part:?}")
            }
            (outcome, expected) => panic!("{text:?}: {outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn files() {
        check("", Ok(()));
        check("hots = 'a'", Err("unknown field `hots`"));
        check("[conductor]\nautomated_claen = true", Err("unknown field"));
        check(
            "[api]\nlisten = '0.0.0.0:6385'",
            Err("refusing to listen on 0.0.0.0:6385"),
        );
        check(
            "[api]\nlisten = '0.0.0.0:6385'\nallow_unauthenticated = true",
            Ok(()),
        );
        check(
            "[provision]\nlisten = '0.0.0.0:80'",
            Err("set provision.url"),
        );
        check(
            "[provision]\nlisten = '0.0.0.0:80'\nurl = 'http://10.0.0.1/'",
            Ok(()),
        );
        check("[http]\nconnections = 0", Err("http.connections = 0"));
        check(
            "[conductor]\nrescue_password_hash_algorithm = 'md5'",
            Err("expected `sha256` or `sha512`"),
        );
        check(
            "[deploy]\nfast_track = true\nfast_track_timeout_s = 60",
            Ok(()),
        );
        check("[agent]\npoll_interval_s = 11", Err("from 1 to 10"));
        check("[conductor]\nbeat_timeout_s = 5", Err("beat_interval_s"));
        check("[conductor]\nbeat_timeout_s = 60", Ok(()));
        let shared = "store = 'postgresql://f@db/ferric'\n[conductor]\n";
        check(shared, Ok(()));
        check(
            &format!("{shared}beat_timeout_s = 110"),
            Err("longest call together"),
        );
        check(
            &format!(
                "{shared}beat_timeout_s = 60\nbmc_call_timeout_s = 49\n[agent]\nrequest_timeout_s = 49"
            ),
            Ok(()),
        );
        check(
            &format!("{shared}beat_timeout_s = 60\nbmc_call_timeout_s = 49"),
            Err("agent.request_timeout_s"),
        );
        check(
            "[conductor]\npower_sync_workers = 0",
            Err("power_sync_workers = 0"),
        );
        check(
            "[conductor]\nboot_retry_timeout_s = 600\nboot_retry_check_interval_s = 0",
            Err("boot_retry_check_interval_s"),
        );
        check(
            "[conductor]\nhash_ring_algorithm = 'sha256'\nhash_partition_exponent = 5",
            Ok(()),
        );
        check(
            "[conductor]\nhash_partition_exponent = 17",
            Err("from 0 to 16"),
        );
        check("[auth]\npolicy_file = '/etc/ferric/policy.yaml'", Ok(()));
        check("[auth]\npolicy = 'x'", Err("unknown field `policy`"));
        check("[timeline]\nmax_entries = 300\nmin_days = 1", Ok(()));
    }

    #[test]
    fn the_store_is_one_line_and_its_password_is_not_shown() {
        let file = |text: &str| toml::from_str::<File>(text);
        let with_state = || Overrides {
            state_dir: Some(PathBuf::from("/tmp/state")),
            ..Overrides::default()
        };
        let parsed = file("store = 'postgresql://f:hunter2@db/ferric'").unwrap();
        assert!(!format!("{parsed:?}").contains("hunter2"));
        let settings = parsed.check(with_state()).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let shown = settings.store.unwrap().to_string();
        assert_eq!(shown, "postgresql://f@db:5432/ferric");
        let wrong = file("store = 'mysql://f:hunter2@db/ferric'").unwrap();
        let error = wrong.check(with_state()).unwrap_err();
        let error = format!("{:#}", anyhow::Error::new(error));
        assert!(error.contains("postgresql://USER@HOST/DATABASE"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        for text in [
            "store = 'postgresql://f:hunter2@db/ferric",
            "host = 'a'\nstore = 'postgresql://f:hunter2@db/ferric' x\n",
            "store = ['postgresql://f:hunter2@db/ferric']",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = parse("host = 1").unwrap_err().to_string();
        assert!(error.contains("host = 1"), "others are quoted: {error}");
    }

    #[test]
    fn the_state_directory_must_be_named() {
        let error = File::default().check(Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("--state"));
    }

    #[test]
    fn machines_are_told_the_listeners_address() {
        let url = provision_url(None, Some("192.168.100.1:6380".parse().unwrap())).unwrap();
        assert_eq!(url.as_deref(), Some("http://192.168.100.1:6380"));
    }
}
