//! Settings that have been understood.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ferric_agent_protocol::version::ApiVersion;

use super::options::{OptionError, Options};
use super::{ConfigError, Direction, Discovery, Flags, ManagerSettings, Secret, containers};
use crate::containers::Rules;
use crate::disk::SharedFileSystems;

/// All settings of the agent.
#[derive(Clone, Debug)]
pub struct Settings {
    pub api: ApiSettings,
    pub direction: Direction,
    pub listen: ListenSettings,
    pub advertise: AdvertiseSettings,
    pub tls: TlsSettings,
    pub lookup: LookupSettings,
    pub inspection: InspectionSettings,
    pub clock: ClockSettings,
    /// VLAN interfaces to make: `eth0.100`, `52:54:00:00:00:01.100`; by what switches say, `eth0` and `all`.
    pub vlan_interfaces: Vec<String>,
    /// What the medium that the machine was booted from says of its networks, as JSON.
    pub network_data: Option<String>,
    /// What mDNS must be asked for before these settings are of use.
    pub discovery: Option<Discovery>,
    pub image_server: ImageServerSettings,
    pub hardware_initialization_delay: Duration,
    pub disk_wait_attempts: u32,
    pub disk_wait_delay: Duration,
    /// Leaves the BMC's addresses out, where the conductor says nothing about that.
    pub skip_bmc_detect: bool,
    /// A token that the conductor put on the kernel command line.
    pub agent_token: Option<Secret>,
    pub ignore_bootloader_failure: bool,
    /// What becomes of file systems that several machines share, where the node gives no leave.
    pub shared_file_systems: SharedFileSystems,
    /// Where `inject_files` stands among the steps; 0 leaves it out unless somebody asks for it.
    pub inject_files_priority: i64,
    pub images: ImageSettings,
    pub hardware_managers: ManagerSettings,
    /// Which containers may run, where the conductor says nothing about that.
    pub containers: Rules,
    pub debug: bool,
    /// `BOOTIF` as the boot loader wrote it.
    pub bootif: Option<String>,
    pub state: PathBuf,
    pub only_devices: Vec<PathBuf>,
}

/// How the conductor's API is reached.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Empty when the machine is only to be inspected.
    pub urls: Vec<String>,
    pub request_timeout: Duration,
    pub global_request_id: Option<String>,
    /// Skips asking the server for its version.
    pub version: Option<ApiVersion>,
    pub insecure: bool,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// `1.2`, or `1.3` for that alone; of image servers as well.
    pub tls_min_version: String,
}

/// Where commands are served.
#[derive(Clone, Copy, Debug)]
pub struct ListenSettings {
    pub address: SocketAddr,
}

/// What the conductor is told about it.
#[derive(Clone, Debug)]
pub struct AdvertiseSettings {
    pub host: Option<String>,
    pub port: u16,
    pub protocol: String,
    /// Take the address of this interface.
    pub interface: Option<String>,
    pub attempts: u32,
    pub pause: Duration,
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Made at start, sent with each heartbeat.
    Automatic,
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    Off,
}

/// TLS of the command API.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    pub mode: TlsMode,
    pub min_version: String,
    pub cipher_suites: Vec<String>,
    pub curve: String,
    /// Whoever connects must show a certificate of one of these authorities.
    pub client_ca: Option<PathBuf>,
}

/// How long and how often the node is looked up.
#[derive(Clone, Copy, Debug)]
pub struct LookupSettings {
    pub timeout: Duration,
    pub interval: Duration,
}

/// Whose time the clock is set to.
#[derive(Clone, Debug)]
pub struct ClockSettings {
    /// A name or an address.
    pub ntp_server: Option<String>,
    pub on_failure: OnClockFailure,
}

/// What the agent does when the clock could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnClockFailure {
    GoOn,
    End,
}

/// Whether and how inspection data are sent.
#[derive(Clone, Debug)]
pub struct InspectionSettings {
    /// Empty when there is nothing to send.
    pub callback_urls: Vec<String>,
    pub collectors: Vec<String>,
    pub dhcp_wait: Duration,
    pub dhcp_all_interfaces: bool,
    /// Puts what switches say into the inventory, too.
    pub collect_lldp: bool,
    /// How long switches are listened to.
    pub lldp_timeout: Duration,
}

/// Which images are written, and whether their programs may be run for a boot loader, where the conductor is silent.
#[derive(Clone, Debug)]
pub struct ImageSettings {
    pub md5_enabled: bool,
    pub disable_deep_inspection: bool,
    pub permitted_formats: Option<Vec<String>>,
    pub bootloader_install: bool,
}

/// How images are downloaded.
#[derive(Clone)]
pub struct ImageServerSettings {
    pub timeout: Duration,
    /// How often in a row a server is tried again; as long as patience lasts where nobody says so.
    pub retries: Option<u32>,
    /// Between two attempts; growing where nobody says so.
    pub retry_interval: Option<Duration>,
    /// After this time a download is given up even though bytes come.
    pub max_duration: Option<Duration>,
    /// User and password, where the conductor sends none.
    pub basic_auth: Option<(String, String)>,
}

impl std::fmt::Debug for ImageServerSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ImageServerSettings")
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .field("retry_interval", &self.retry_interval)
            .field("max_duration", &self.max_duration)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn from_options(options: &Options, flags: &Flags) -> Result<Self, ConfigError> {
        let discovery = Discovery::wanted(options, flags)?;
        let api = api(options)?;
        let inspection = inspection(options, &api.urls)?;
        // Ironic names no API to a machine that it wants inspected and then switches off.
        if api.urls.is_empty() && inspection.callback_urls.is_empty() && discovery.is_none() {
            return Err(ConfigError::NoApi);
        }
        Ok(Self {
            direction: Direction::from_options(options)?,
            listen: listen(options)?,
            advertise: advertise(options)?,
            tls: tls(options)?,
            lookup: LookupSettings {
                timeout: options.seconds("lookup_timeout", 600)?,
                interval: options.seconds("lookup_interval", 1)?,
            },
            inspection,
            clock: clock(options)?,
            vlan_interfaces: options.list("enable_vlan_interfaces").unwrap_or_default(),
            network_data: None,
            discovery,
            image_server: image_server(options)?,
            hardware_initialization_delay: options.seconds("hardware_initialization_delay", 0)?,
            disk_wait_attempts: options.number("disk_wait_attempts", 10)?,
            disk_wait_delay: options.seconds("disk_wait_delay", 3)?,
            skip_bmc_detect: options.flag("skip_bmc_detect", false)?,
            agent_token: options.text("agent_token").map(Secret::new),
            debug: options.flag("debug", false)?,
            ignore_bootloader_failure: options.flag("ignore_bootloader_failure", false)?,
            shared_file_systems: if options.flag("guard_special_filesystems", true)? {
                SharedFileSystems::Protect
            } else {
                SharedFileSystems::Erase
            },
            inject_files_priority: options.number("inject_files_priority", 0)?,
            images: images(options)?,
            hardware_managers: ManagerSettings::from_options(options)?,
            containers: containers::rules(options)?,
            bootif: options.text("bootif").map(str::to_owned),
            state: flags.state.clone(),
            only_devices: flags.only_devices.clone(),
            api,
        })
    }
}

fn api(options: &Options) -> Result<ApiSettings, OptionError> {
    let path = |name| options.text(name).map(PathBuf::from);
    let (cert_file, key_file) = (path("certfile"), path("keyfile"));
    if cert_file.is_some() != key_file.is_some() {
        tracing::warn!("only one of certfile and keyfile is set, and so it is ignored");
    }
    Ok(ApiSettings {
        urls: urls(options, "api_url")?,
        request_timeout: options.seconds("http_request_timeout", 30)?,
        global_request_id: options.text("global_request_id").map(str::to_owned),
        version: options.parsed("ironic_api_version", "a version such as 1.68", |text| {
            text.parse().ok()
        })?,
        insecure: options.flag("insecure", false)?,
        ca_file: path("cafile"),
        cert_file,
        key_file,
        tls_min_version: tls_min_version(options)?,
    })
}

/// Addresses with commas between them, without a slash at their ends; none where mDNS is asked.
fn urls(options: &Options, name: &'static str) -> Result<Vec<String>, OptionError> {
    if options.text(name) == Some(Discovery::WORD) {
        return Ok(Vec::new());
    }
    let urls = options.list(name).unwrap_or_default();
    let is_http = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if let Some(wrong) = urls.iter().find(|url| !is_http(url)) {
        let wanted = "an address that begins with http:// or https://, or mdns alone";
        return Err(OptionError {
            name,
            wanted,
            value: wrong.clone(),
        });
    }
    Ok(urls
        .iter()
        .map(|url| url.trim_end_matches('/').to_owned())
        .collect())
}

fn listen(options: &Options) -> Result<ListenSettings, OptionError> {
    let any = if std::path::Path::new("/proc/net/if_inet6").exists() {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    } else {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    };
    let host = options.parsed("listen_host", "an IP address", |text| text.parse().ok())?;
    let port = options.number("listen_port", 9999)?;
    Ok(ListenSettings {
        address: SocketAddr::new(host.unwrap_or(any), port),
    })
}

fn advertise(options: &Options) -> Result<AdvertiseSettings, OptionError> {
    let known = |text: &str| matches!(text, "http" | "https").then(|| text.to_owned());
    let protocol = options.parsed("advertise_protocol", "http or https", known)?;
    Ok(AdvertiseSettings {
        host: options.text("advertise_host").map(str::to_owned),
        port: options.number("advertise_port", 9999)?,
        protocol: protocol.unwrap_or_else(|| "http".to_owned()),
        interface: options.text("network_interface").map(str::to_owned),
        attempts: options.number("ip_lookup_attempts", 6)?,
        pause: options.seconds("ip_lookup_sleep", 10)?,
    })
}

fn tls(options: &Options) -> Result<TlsSettings, OptionError> {
    let path = |name| options.text(name).map(PathBuf::from);
    let files = path("tls_cert_file").zip(path("tls_key_file"));
    let is_automatic = options.flag("enable_auto_tls", true)?;
    let mode = if options.flag("listen_tls", false)? {
        let (certificate, key) = files.ok_or_else(|| OptionError {
            name: "listen_tls",
            wanted: "accompanied by tls_cert_file and tls_key_file",
            value: "true".to_owned(),
        })?;
        TlsMode::Files { certificate, key }
    } else if is_automatic {
        TlsMode::Automatic
    } else {
        TlsMode::Off
    };
    let curve = |text: &str| matches!(text, "p256" | "p384" | "p521").then(|| text.to_owned());
    let curve = options.parsed("tls_certificate_curve", "p256, p384 or p521", curve)?;
    Ok(TlsSettings {
        mode,
        min_version: tls_min_version(options)?,
        cipher_suites: options.list("tls_cipher_suites").unwrap_or_default(),
        curve: curve.unwrap_or_else(|| "p384".to_owned()),
        client_ca: path("tls_client_ca_file"),
    })
}

fn tls_min_version(options: &Options) -> Result<String, OptionError> {
    let version = |text: &str| matches!(text, "1.2" | "1.3").then(|| text.to_owned());
    let min_version = options.parsed("tls_min_version", "1.2 or 1.3", version)?;
    Ok(min_version.unwrap_or_else(|| "1.2".to_owned()))
}

fn clock(options: &Options) -> Result<ClockSettings, OptionError> {
    let is_name = |text: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte);
        (text.len() <= 253 && text.bytes().all(is_letter)).then(|| text.to_owned())
    };
    let on_failure = if options.flag("fail_if_clock_not_set", false)? {
        OnClockFailure::End
    } else {
        OnClockFailure::GoOn
    };
    Ok(ClockSettings {
        ntp_server: options.parsed("ntp_server", "a host name or an IP address", is_name)?,
        on_failure,
    })
}

/// Inspection is on when there is an address for its data, or collectors are named.
fn inspection(options: &Options, api: &[String]) -> Result<InspectionSettings, OptionError> {
    let collectors = options.list("inspection_collectors");
    let mut callback_urls = urls(options, "inspection_callback_url")?;
    if callback_urls.is_empty() && collectors.is_some() {
        callback_urls = api
            .iter()
            .map(|url| format!("{url}/v1/continue_inspection"))
            .collect();
    }
    let default = || vec!["default".to_owned(), "logs".to_owned()];
    Ok(InspectionSettings {
        callback_urls,
        collectors: collectors.unwrap_or_else(default),
        dhcp_wait: options.seconds("inspection_dhcp_wait_timeout", 60)?,
        dhcp_all_interfaces: options.flag("inspection_dhcp_all_interfaces", false)?,
        collect_lldp: options.flag("collect_lldp", false)?,
        lldp_timeout: options.seconds("lldp_timeout", 30)?,
    })
}

fn images(options: &Options) -> Result<ImageSettings, OptionError> {
    Ok(ImageSettings {
        md5_enabled: options.flag("md5_enabled", true)?,
        disable_deep_inspection: options.flag("disable_deep_image_inspection", false)?,
        permitted_formats: options.list("permitted_image_formats"),
        bootloader_install: options.flag("enable_bios_bootloader_install", false)?,
    })
}

fn image_server(options: &Options) -> Result<ImageServerSettings, OptionError> {
    let text = |name| options.text(name).map(str::to_owned);
    let number = |text: &str| text.parse().ok();
    let is_basic = options.text("image_server_auth_strategy") == Some("http_basic");
    let basic_auth = text("image_server_user").zip(text("image_server_password"));
    let interval = "image_download_connection_retry_interval";
    let is_interval_set = options.text(interval).is_some();
    let interval = options.seconds(interval, 10)?;
    let most = options.seconds("image_download_max_duration", 0)?;
    Ok(ImageServerSettings {
        timeout: options.seconds("image_download_connection_timeout", 60)?,
        retries: options.parsed(
            "image_download_connection_retries",
            "a number that fits",
            number,
        )?,
        retry_interval: is_interval_set.then_some(interval),
        max_duration: (!most.is_zero()).then_some(most),
        basic_auth: basic_auth.filter(|_| is_basic),
    })
}
