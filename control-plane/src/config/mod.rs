//! Settings: the TOML file and the command line, checked once; only valid settings reach the program.
//!
//! Every constant that bounds something outside of the process stands here with its default.

mod accelerators;
pub mod auth;
mod auto_discovery;
mod beats;
mod built_in_rules;
pub mod cluster;
mod conductor;
mod file;
pub mod glance;
mod healthcheck;
mod hooks;
mod inspection;
mod patience;
mod steps;

pub use cluster::Cluster;
pub use conductor::{Conductor, LesseeSource, PasswordHash};
pub use file::{Drivers, File};
pub use healthcheck::Healthcheck;
pub use hooks::{AddPorts, Hook, KeepPorts};
pub use inspection::{Accelerator, BuiltInRule, Inspection, PciAlias};
pub use patience::Http;
pub use steps::{Priorities, StepSource, Steps};

use ferric_store::DatabaseUrl;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store, its key and the boot files.
    pub state_dir: PathBuf,
    /// A database that several conductors share; `None`: the embedded store in `state_dir`.
    pub store: Option<DatabaseUrl>,
    /// The name this conductor registers under.
    pub host: String,
    pub conductor_group: String,
    /// The operator's API.
    pub listen: SocketAddr,
    /// What machines need, and nothing else. `None`: no machine can boot from here.
    pub provision_listen: Option<SocketAddr>,
    /// The URL machines are told, without a slash at its end. From `provision_listen` unless set.
    pub provision_url: Option<String>,
    /// The URL of links in answers; from the request's host when `None`.
    pub public_url: Option<String>,
    /// Whether a proxy in front is believed what it says of the URL that clients use.
    pub parse_proxy_headers: bool,
    /// How many objects a list shows at once.
    pub max_limit: usize,
    /// Whether the operators' listener answers ramdisks.
    pub ramdisk_endpoints: bool,
    /// Whether a machine is told who it is only while its ramdisk is expected.
    pub restrict_lookup: bool,
    /// `None`: there is no `/healthcheck`.
    pub healthcheck: Option<Healthcheck>,
    pub http: Http,
    /// How the operators' API knows its callers.
    pub auth: auth::Auth,
    /// TLS of the operators' API; `None`: it is served in the clear.
    pub tls: Option<crate::server_tls::Files>,
    /// The way to other conductors; `None`: there is none.
    pub cluster: Option<Cluster>,
    pub drivers: Drivers,
    pub conductor: Conductor,
    pub deploy: Deploy,
    pub timeline: Timeline,
    pub agent: Agent,
    pub boot: Boot,
    pub inspection: Inspection,
    /// The hardware type of machines that become nodes by themselves; `None`: none do.
    pub auto_discovery: Option<String>,
    pub steps: Steps,
    /// Folders from which `file://` images may be taken.
    pub image_paths: Vec<PathBuf>,
    /// `None`: there are no images of Glance.
    pub glance: Option<glance::Glance>,
}

/// Deploys, and what comes before them.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deploy {
    /// Keep the ramdisk up between inspection, cleaning and deploy; `driver_info.fast_track` wins.
    pub fast_track: bool,
    /// A ramdisk that was not heard of for so long is booted anew.
    pub fast_track_timeout_s: u64,
}

impl Default for Deploy {
    fn default() -> Self {
        Self {
            fast_track: false,
            fast_track_timeout_s: 300,
        }
    }
}

/// How much of what happened to a node is kept. The oldest events go first.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeline {
    /// 0: nothing is ever removed.
    pub trim_interval_s: u64,
    pub max_entries: usize,
    /// Of the events of one node, as JSON. Holds whatever their number and age.
    pub max_bytes: usize,
    /// Younger events are kept, however many there are.
    pub min_days: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            trim_interval_s: 3600,
            max_entries: 1000,
            max_bytes: 256 << 10,
            min_days: 0,
        }
    }
}

/// How the agent is spoken to.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
pub struct Agent {
    pub heartbeat_timeout_s: u64,
    /// While a command runs the agent is asked so often.
    pub poll_interval_s: u64,
    /// After so many polls without an answer the power state is read.
    pub poll_failures: u32,
    pub request_timeout_s: u64,
    /// Refuse `http://` call-back URLs.
    pub require_tls: bool,
    pub stream_raw_images: bool,
    /// Ramdisks are told to open no port and to come for what they are asked; `driver_info.dial_out` wins.
    pub dial_out: bool,
    /// Agents may run programs of an image that has no boot loader otherwise.
    pub enable_bios_bootloader_install: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            heartbeat_timeout_s: 300,
            poll_interval_s: 3,
            poll_failures: 3,
            request_timeout_s: 60,
            require_tls: true,
            stream_raw_images: true,
            dial_out: false,
            enable_bios_bootloader_install: false,
        }
    }
}

/// How machines boot.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boot {
    /// Kernel and ramdisk of nodes that name none in `driver_info`: a path or a URL.
    pub kernel: Option<String>,
    pub ramdisk: Option<String>,
    /// The same for rescuing; those above where there are none.
    pub rescue_kernel: Option<String>,
    pub rescue_ramdisk: Option<String>,
    pub kernel_append_params: String,
    /// Where dnsmasq reads hosts and options; `None`: the machines' DHCP is somebody else's.
    pub dnsmasq_hosts_dir: Option<PathBuf>,
    pub dnsmasq_options_dir: Option<PathBuf>,
    /// Where the TFTP server reads the iPXE programs; they are copied there from `ipxe_dir` at start.
    pub tftp_root: Option<PathBuf>,
    pub ipxe_dir: PathBuf,
    pub bios_bootfile: String,
    pub uefi_bootfile: String,
}

impl Default for Boot {
    fn default() -> Self {
        Self {
            kernel: None,
            ramdisk: None,
            rescue_kernel: None,
            rescue_ramdisk: None,
            kernel_append_params: "nofb vga=normal".to_owned(),
            dnsmasq_hosts_dir: None,
            dnsmasq_options_dir: None,
            tftp_root: None,
            ipxe_dir: PathBuf::from("/usr/lib/ipxe"),
            bios_bootfile: "undionly.kpxe".to_owned(),
            uefi_bootfile: "snponly.efi".to_owned(),
        }
    }
}

/// What the command line overrides.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub state_dir: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub provision_listen: Option<SocketAddr>,
}

/// A setting that cannot be used, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("reading the configuration file {path}", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the configuration file {path} is not valid", path = path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error(
        "--state DIR (or state_dir in the configuration file) is missing: say where to keep the store"
    )]
    NoStateDir,
    #[error(
        "refusing to listen on {0} without authentication: anybody who reaches that address could wipe every node; \
         listen on a loopback address, set auth_strategy to http_basic, keystone or oidc, \
         or set api.allow_unauthenticated = true if the network is trusted"
    )]
    Unauthenticated(SocketAddr),
    #[error("provision.listen is {0}: name the address that machines reach, or set provision.url")]
    ProvisionAddress(SocketAddr),
    /// Without the text, which may hold a password.
    #[error("the setting store (left out: the store is in state_dir)")]
    Store(#[source] ferric_store::postgres_store::UrlError),
    #[error("{option} {problem}")]
    Option {
        option: &'static str,
        problem: String,
    },
    #[error("{setting} = {value}: {problem}")]
    Value {
        setting: &'static str,
        value: String,
        problem: &'static str,
    },
    #[error("reading this machine's host name")]
    Host(#[source] std::io::Error),
}

impl Settings {
    /// The file (if any) with the overrides on top, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the setting and what to do.
    pub fn load(path: Option<&Path>, overrides: Overrides) -> Result<Self, SettingsError> {
        let file = match path {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        file.check(overrides)
    }

    /// Whether callers show who they are on an open network.
    pub(crate) fn sends_secrets_in_the_clear(&self) -> bool {
        !self.auth.is_open() && !self.listen.ip().is_loopback() && self.tls.is_none()
    }

    /// What machines are told to call: `http://ADDRESS:PORT` without a slash at its end.
    pub fn provision_base(&self) -> Option<&str> {
        self.provision_url.as_deref()
    }
}

/// Seconds of a setting as a duration.
pub fn seconds(value: u64) -> Duration {
    Duration::from_secs(value)
}
