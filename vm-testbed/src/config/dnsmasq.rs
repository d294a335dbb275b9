//! What of the lab's dnsmasq is configurable; without this table no dnsmasq runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnsmasq {
    /// Directory that the provisioner writes `dhcp-host` files into; default `STATE/dnsmasq/hosts`.
    pub hostsdir: Option<PathBuf>,
    /// Directory that the provisioner writes `dhcp-option` files into; default `STATE/dnsmasq/opts`.
    pub optsdir: Option<PathBuf>,
    /// Default: `STATE/tftp`, filled with the boot programs of the ipxe package.
    pub tftp_root: Option<PathBuf>,
    /// Whether machines that no host file names get no answer at all.
    #[serde(default = "yes")]
    pub ignore_unknown: bool,
}

fn yes() -> bool {
    true
}

impl Dnsmasq {
    pub(super) fn resolve_paths(&mut self, base: &Path) {
        for path in [&mut self.hostsdir, &mut self.optsdir, &mut self.tftp_root]
            .into_iter()
            .flatten()
        {
            *path = base.join(&path);
        }
    }
}
