//! Settings: the TOML file and the command line, checked once; only valid settings reach the program.
//!
//! Every constant that bounds something outside of the process stands here with its default.

mod accelerators;
pub mod auth;
mod beats;
mod built_in_rules;
pub mod cluster;
mod file;
pub mod glance;
mod hooks;
mod inspection;
mod steps;

pub use cluster::Cluster;
pub use file::{Drivers, File};
pub use hooks::{AddPorts, Hook, KeepPorts};
pub use inspection::{Accelerator, BuiltInRule, Inspection, PciAlias};
pub use steps::{Priorities, StepSource, Steps};

use ferric_model::hash_ring::{Algorithm, RingSettings};
use ferric_store::DatabaseUrl;
use std::collections::BTreeMap;
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
    pub steps: Steps,
    /// Folders from which `file://` images may be taken.
    pub image_paths: Vec<PathBuf>,
    /// `None`: there are no images of Glance.
    pub glance: Option<glance::Glance>,
}

/// How patient both listeners are with their clients.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Connections of one listener at the same time. For one more, whoever keeps us waiting for longest makes room. Each
    /// takes a file descriptor.
    pub connections: usize,
    /// Until all headers of a request have come, and of a connection without a request.
    pub header_timeout_s: u64,
    /// From one part of a request's body to the next.
    pub body_pause_s: u64,
    /// Until the whole body of a request has come.
    pub body_timeout_s: u64,
    /// A client that takes less than `answer_stall_bytes` of its answer in so long is cut off.
    #[serde(alias = "stream_stall_s")]
    pub answer_stall_s: u64,
    /// Where places are short, whoever has taken so much least lately makes room.
    pub answer_stall_bytes: u64,
    /// For the bodies of all requests that are being answered, and as much again for those of machines; what finds no
    /// room is answered 503.
    pub body_memory_mib: usize,
    /// For the large answers that clients have yet to take; a list that finds no room is answered 503.
    pub answer_memory_mib: usize,
    /// For requests that are under way when the process is told to stop.
    pub stop_grace_s: u64,
    /// Streams of events at the same time; more are answered 503.
    pub event_streams: usize,
    /// Those of one project, or of one user who acts for none.
    pub event_streams_per_caller: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            connections: 12_000,
            header_timeout_s: 30,
            body_pause_s: 30,
            body_timeout_s: 600,
            answer_stall_s: 120,
            answer_stall_bytes: 64 << 10,
            body_memory_mib: 128,
            answer_memory_mib: 256,
            stop_grace_s: 10,
            event_streams: 100,
            event_streams_per_caller: 25,
        }
    }
}

/// How a rescue password is hashed before the ramdisk is told it, as in crypt(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordHash {
    Sha256,
    Sha512,
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

/// How the conductor works.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
pub struct Conductor {
    pub automated_clean: bool,
    pub power_off_after_deploy_failure: bool,
    /// Switch off when a clean or service step has failed; else the ramdisk stays up to be looked at.
    pub poweroff_in_cleanfail: bool,
    pub poweroff_in_servicefail: bool,
    /// Deploys and cleans that run at the same time; more are answered 503.
    pub max_concurrent_deploy: usize,
    pub max_concurrent_clean: usize,
    /// Each conductor group has these limits for itself.
    pub max_concurrent_per_conductor_group: bool,
    /// Nodes of bulk requests that wait for their turn; more are answered 503.
    pub bulk_max_queued: usize,
    /// Bulk requests that are kept when nothing of them waits any more, and for how long.
    pub bulk_max_requests: usize,
    pub bulk_keep_s: u64,
    pub rescue_password_hash_algorithm: PasswordHash,
    /// Seconds that a second asker for a node waits before it gets 409.
    pub node_lock_wait_s: u64,
    pub beat_interval_s: u64,
    /// A conductor that was not heard of for so long is dead.
    pub beat_timeout_s: u64,
    /// How long one call to a BMC may take in all, its repetitions included.
    pub bmc_call_timeout_s: u64,
    pub power_sync_interval_s: u64,
    pub power_sync_max_failures: u32,
    pub force_power_state_during_sync: bool,
    pub power_recovery_interval_s: u64,
    pub wait_check_interval_s: u64,
    pub deploy_callback_timeout_s: u64,
    pub clean_callback_timeout_s: u64,
    pub inspect_callback_timeout_s: u64,
    pub rescue_callback_timeout_s: u64,
    pub service_callback_timeout_s: u64,
    pub power_change_timeout_s: u64,
    pub soft_power_off_timeout_s: u64,
    /// Visits of periodic jobs that run at the same time.
    pub periodic_concurrency: usize,
    /// BMCs that the power sync asks at the same time. One in ten of these at most is spent on BMCs that hang.
    pub power_sync_workers: usize,
    /// The ring that gives nodes to conductors; all of a cluster must have the same.
    pub hash_ring_algorithm: Algorithm,
    /// Points of a conductor on the ring, as a power of two.
    pub hash_partition_exponent: u32,
    /// 0: no sensors are read.
    pub sensor_data_interval_s: u64,
    /// BMCs whose sensors are read at the same time.
    pub sensor_data_workers: usize,
    /// Also of machines that nobody uses.
    pub sensor_data_for_undeployed_nodes: bool,
    pub orphan_check_interval_s: u64,
    pub conductor_cleanup_interval_s: u64,
    /// A conductor that is dead for so long and owns nothing is forgotten.
    pub conductor_cleanup_timeout_s: u64,
    /// A machine that has not asked for a boot script for so long is booted again; 0: never.
    pub boot_retry_timeout_s: u64,
    pub boot_retry_check_interval_s: u64,
    /// Seconds from one pass to the next of a driver's job, by its purpose, where it is not to be the driver's own.
    pub driver_job_intervals_s: BTreeMap<String, u64>,
    /// How long a machine that was restarted for a boot mode or secure boot may take until its BMC shows it.
    pub firmware_change_timeout_s: u64,
    /// How long a BMC may take for a step that it finishes by itself.
    pub hardware_task_timeout_s: u64,
    /// Whether a step that a child's BMC goes on with by itself is taken as done; else it fails.
    pub permit_child_node_step_async_result: bool,
    /// Whether verification compares the BMC's clock with the conductor's, and sets it where it is wrong.
    pub verify_bmc_clock: bool,
}

impl Conductor {
    /// How the hash ring is made.
    pub fn ring(&self) -> RingSettings {
        RingSettings {
            algorithm: self.hash_ring_algorithm,
            partition_exponent: self.hash_partition_exponent,
        }
    }
}

impl Default for Conductor {
    fn default() -> Self {
        Self {
            automated_clean: true,
            power_off_after_deploy_failure: true,
            poweroff_in_cleanfail: false,
            poweroff_in_servicefail: false,
            max_concurrent_deploy: 250,
            max_concurrent_clean: 50,
            max_concurrent_per_conductor_group: false,
            bulk_max_queued: 20_000,
            bulk_max_requests: 1000,
            bulk_keep_s: 604_800,
            rescue_password_hash_algorithm: PasswordHash::Sha256,
            node_lock_wait_s: 3,
            beat_interval_s: 10,
            beat_timeout_s: 120,
            bmc_call_timeout_s: 100,
            power_sync_interval_s: 120,
            power_sync_max_failures: 3,
            force_power_state_during_sync: true,
            power_recovery_interval_s: 300,
            wait_check_interval_s: 5,
            deploy_callback_timeout_s: 1800,
            clean_callback_timeout_s: 1800,
            inspect_callback_timeout_s: 1800,
            rescue_callback_timeout_s: 1800,
            service_callback_timeout_s: 1800,
            power_change_timeout_s: 60,
            soft_power_off_timeout_s: 600,
            periodic_concurrency: 8,
            power_sync_workers: 50,
            hash_ring_algorithm: RingSettings::default().algorithm,
            hash_partition_exponent: RingSettings::default().partition_exponent,
            sensor_data_interval_s: 0,
            sensor_data_workers: 4,
            sensor_data_for_undeployed_nodes: false,
            orphan_check_interval_s: 10,
            conductor_cleanup_interval_s: 86_400,
            conductor_cleanup_timeout_s: 1_209_600,
            boot_retry_timeout_s: 0,
            boot_retry_check_interval_s: 90,
            driver_job_intervals_s: BTreeMap::new(),
            firmware_change_timeout_s: 900,
            hardware_task_timeout_s: 3600,
            permit_child_node_step_async_result: false,
            verify_bmc_clock: false,
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
