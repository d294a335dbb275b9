//! The command line of the agent itself; in a ramdisk nothing of it is needed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use tracing_subscriber::filter::Targets;

use super::log_filter;
use super::options::Options;

/// Ferric's provisioning agent.
#[derive(Clone, Debug, Parser)]
#[command(name = "ferric-agent", version)]
pub struct Flags {
    /// Address of the API, or several with commas between them
    #[arg(long)]
    pub api_url: Option<String>,
    /// Where to serve commands, as ADDRESS:PORT
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// The address that the conductor is told
    #[arg(long)]
    pub advertise_host: Option<String>,
    /// A device that may be written although this is not a ramdisk; may be repeated
    #[arg(long = "only-device")]
    pub only_devices: Vec<PathBuf>,
    /// Run hardware managers although this is not a ramdisk: they may do anything to this machine
    #[arg(long)]
    pub run_hardware_managers: bool,
    /// The kernel command line
    #[arg(long, default_value = "/proc/cmdline")]
    pub cmdline: PathBuf,
    /// Where the agent keeps what it needs to go on after a crash; must not outlive the ramdisk
    #[arg(long, default_value = "/run/ferric-agent")]
    pub state: PathBuf,
    /// Directories with configuration files; may be repeated
    #[arg(
        long = "config-dir",
        default_values = ["/etc/ironic-python-agent.d", "/etc/ferric-agent.d"]
    )]
    pub config_dirs: Vec<PathBuf>,
    /// What is logged: a level, or TARGET=LEVEL, or several with commas between them
    #[arg(
        long,
        env = "FERRIC_LOG",
        default_value = "info",
        value_parser = log_filter::parse
    )]
    pub log: Targets,
}

impl Flags {
    pub(super) fn apply(&self, options: &mut Options) {
        if let Some(api_url) = &self.api_url {
            options.set("api_url", api_url);
        }
        if let Some(host) = &self.advertise_host {
            options.set("advertise_host", host);
        }
        if let Some(listen) = &self.listen {
            options.set("listen_host", &listen.ip().to_string());
            options.set("listen_port", &listen.port().to_string());
            options.set("advertise_port", &listen.port().to_string());
        }
    }
}
