//! The kernel command line, split as Ironic's agent splits it: at blanks, at the first `=`, no quotes, last one wins.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::options::Options;

/// Every `name=value` of the command line.
#[derive(Debug, Default)]
pub(super) struct KernelParameters(BTreeMap<String, String>);

/// Parameters and the options that they set, by the names of the configuration file.
const PARAMETERS: [(&str, &str); 43] = [
    ("ipa-api-url", "api_url"),
    ("ipa-global-request-id", "global_request_id"),
    ("ipa-listen-host", "listen_host"),
    ("ipa-listen-port", "listen_port"),
    ("ipa-advertise-host", "advertise_host"),
    ("ipa-advertise-port", "advertise_port"),
    ("ipa-advertise-protocol", "advertise_protocol"),
    ("ipa-tls-min-version", "tls_min_version"),
    ("ipa-tls-cipher-suites", "tls_cipher_suites"),
    ("ipa-tls-certificate-curve", "tls_certificate_curve"),
    ("ipa-ip-lookup-attempts", "ip_lookup_attempts"),
    // The name says timeout, but it is the pause between two attempts.
    ("ipa-ip-lookup-timeout", "ip_lookup_sleep"),
    ("ipa-network-interface", "network_interface"),
    ("ipa-lookup-timeout", "lookup_timeout"),
    ("ipa-lookup-interval", "lookup_interval"),
    ("ipa-lldp-timeout", "lldp_timeout"),
    ("ipa-collect-lldp", "collect_lldp"),
    ("ipa-inspection-callback-url", "inspection_callback_url"),
    ("ipa-inspection-collectors", "inspection_collectors"),
    (
        "ipa-inspection-dhcp-wait-timeout",
        "inspection_dhcp_wait_timeout",
    ),
    (
        "ipa-inspection-dhcp-all-interfaces",
        "inspection_dhcp_all_interfaces",
    ),
    ("ipa-inspection-benchmarks", "inspection_benchmarks"),
    (
        "ipa-hardware-initialization-delay",
        "hardware_initialization_delay",
    ),
    ("ipa-disk-wait-attempts", "disk_wait_attempts"),
    ("ipa-disk-wait-delay", "disk_wait_delay"),
    ("ipa-skip-bmc-detect", "skip_bmc_detect"),
    ("ipa-insecure", "insecure"),
    ("ipa-ntp-server", "ntp_server"),
    ("ipa-agent-token", "agent_token"),
    (
        "ipa-image-download-connection-timeout",
        "image_download_connection_timeout",
    ),
    (
        "ipa-image-download-connection-retries",
        "image_download_connection_retries",
    ),
    (
        "ipa-image-download-connection-retry-interval",
        "image_download_connection_retry_interval",
    ),
    (
        "ipa-image-download-max-duration",
        "image_download_max_duration",
    ),
    ("ipa-ironic-api-version", "ironic_api_version"),
    ("ipa-enable-vlan-interfaces", "enable_vlan_interfaces"),
    ("ipa-ignore-bootloader-failure", "ignore_bootloader_failure"),
    ("ipa-inject-files-priority", "inject_files_priority"),
    ("ipa-guard-special-filesystems", "guard_special_filesystems"),
    ("ipa-http-request-timeout", "http_request_timeout"),
    ("ipa-use-mdns", "use_mdns"),
    ("ipa-debug", "debug"),
    ("BOOTIF", "bootif"),
    ("boot_method", "boot_method"),
];

impl KernelParameters {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    pub(super) fn parse(text: &str) -> Self {
        let pairs = text
            .split_whitespace()
            .filter_map(|token| token.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets the options that the parameters stand for, and tells of those that nobody knows.
    pub(super) fn apply(&self, options: &mut Options) {
        for (name, value) in &self.0 {
            match PARAMETERS.iter().find(|(parameter, _)| parameter == name) {
                Some((_, option)) => options.set(option, value),
                None if name.starts_with("ipa-") => {
                    tracing::warn!(
                        parameter = name,
                        "the kernel command line has an unknown parameter"
                    );
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_split_as_ironics_agent_splits_them() {
        let parameters = KernelParameters::parse(
            "quiet ipa-api-url=http://a?x=1 ipa-debug=0 ipa-debug=1 a=\"b c\"\n",
        );
        assert_eq!(parameters.get("ipa-api-url"), Some("http://a?x=1"));
        assert_eq!(parameters.get("ipa-debug"), Some("1"));
        assert_eq!(parameters.get("a"), Some("\"b"));
        assert_eq!(parameters.get("quiet"), None);
    }
}
