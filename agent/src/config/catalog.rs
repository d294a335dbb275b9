//! What becomes of the parameters and options of Ironic's agent: which parameter sets which option, and which options
//! mean nothing here, and why. What stands in neither list and is read by nobody is a slip of the pen.

/// Parameters and the options that they set, by the names of the configuration file.
pub(super) const PARAMETERS: [(&str, &str); 46] = [
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
    ("ipa-hardware-managers", "hardware_managers"),
    ("ipa-hardware-manager-timeout", "hardware_manager_timeout"),
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
    ("ipa-use-mdns", "mdns.use_mdns"),
    ("ipa-debug", "debug"),
    (
        "ipa-enable-bios-bootloader-install",
        "enable_bios_bootloader_install",
    ),
    // Ferric's own, which means nothing to Ironic's agent.
    ("ferric-dial-out", "dial_out"),
    ("BOOTIF", "bootif"),
];

/// Options of Ironic's agent that are without effect here, with the reason as part of a sentence. Those of a whole
/// section end with `.`.
pub(super) const WITHOUT_EFFECT: [(&str, &str); 17] = [
    (
        "auto_tls_allowed_clock_skew",
        "the agent's certificate is valid whatever the clock says",
    ),
    (
        "config_drive_rebuild",
        "a config drive is rebuilt where the disk's sectors are too large for it, and nowhere else",
    ),
    ("inspection_benchmarks", "no benchmarks are run"),
    ("introspection_daemon", NO_DAEMON),
    ("introspection_daemon_post_interval", NO_DAEMON),
    ("disk_utils.efi_system_partition_size", NO_PARTITIONING),
    ("disk_utils.bios_boot_partition_size", NO_PARTITIONING),
    ("disk_utils.dd_block_size", NO_PROGRAMS),
    ("disk_utils.partition_detection_attempts", NO_PROGRAMS),
    ("disk_utils.partprobe_attempts", NO_PROGRAMS),
    ("disk_utils.image_convert_memory_limit", NO_PROGRAMS),
    ("disk_utils.image_convert_attempts", NO_PROGRAMS),
    ("disk_partitioner.", NO_PROGRAMS),
    ("metrics.", NO_METRICS),
    ("metrics_statsd.", NO_METRICS),
    ("mdns.params", "the agent registers no service"),
    (
        "ssl.ca_file",
        "Ironic's agent ignores it too; tls_client_ca_file makes clients show a certificate",
    ),
];

const NO_DAEMON: &str = "inspection data are sent once, when the machine starts";
const NO_METRICS: &str = "the agent sends no metrics to statsd";
const NO_PARTITIONING: &str = "the boot partition of a partition image has Ironic's usual size";
const NO_PROGRAMS: &str = "it is for dd, parted, partprobe and qemu-img, which are not used";

/// Why an option is without effect; `None` if it is none of Ironic's agent.
pub(super) fn why_without_effect(option: &str) -> Option<&'static str> {
    let is_it = |(name, _): &&(&str, &str)| {
        option == *name || (name.ends_with('.') && option.starts_with(*name))
    };
    let found = WITHOUT_EFFECT.iter().find(is_it);
    found.map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::options::Options;
    use super::super::{Flags, Settings};
    use super::*;

    /// All kernel parameters that Ironic's agent reads, and the option that each one sets.
    const PARAMETERS_OF_IRONIC: [&str; 41] = [
        "ipa-api-url",
        "ipa-global-request-id",
        "ipa-listen-host",
        "ipa-listen-port",
        "ipa-advertise-host",
        "ipa-advertise-port",
        "ipa-advertise-protocol",
        "ipa-tls-min-version",
        "ipa-tls-cipher-suites",
        "ipa-tls-certificate-curve",
        "ipa-ip-lookup-attempts",
        "ipa-ip-lookup-timeout",
        "ipa-network-interface",
        "ipa-lookup-timeout",
        "ipa-lookup-interval",
        "ipa-lldp-timeout",
        "ipa-collect-lldp",
        "ipa-inspection-callback-url",
        "ipa-inspection-collectors",
        "ipa-inspection-dhcp-wait-timeout",
        "ipa-inspection-dhcp-all-interfaces",
        "ipa-inspection-benchmarks",
        "ipa-hardware-initialization-delay",
        "ipa-disk-wait-attempts",
        "ipa-disk-wait-delay",
        "ipa-insecure",
        "ipa-ntp-server",
        "ipa-agent-token",
        "ipa-image-download-connection-timeout",
        "ipa-image-download-connection-retries",
        "ipa-image-download-connection-retry-interval",
        "ipa-image-download-max-duration",
        "ipa-ironic-api-version",
        "ipa-enable-vlan-interfaces",
        "ipa-ignore-bootloader-failure",
        "ipa-inject-files-priority",
        "ipa-guard-special-filesystems",
        "ipa-http-request-timeout",
        "ipa-use-mdns",
        "ipa-debug",
        "BOOTIF",
    ];

    /// All options that Ironic's agent takes from its configuration files only.
    const FILE_OPTIONS_OF_IRONIC: [&str; 47] = [
        "listen_tls",
        "tls_cert_file",
        "tls_key_file",
        "enable_auto_tls",
        "auto_tls_allowed_clock_skew",
        "cafile",
        "certfile",
        "keyfile",
        "fail_if_clock_not_set",
        "image_server_user",
        "image_server_password",
        "image_server_auth_strategy",
        "md5_enabled",
        "config_drive_rebuild",
        "disable_deep_image_inspection",
        "permitted_image_formats",
        "disable_bootc_deploy",
        "enable_bios_bootloader_install",
        "introspection_daemon",
        "introspection_daemon_post_interval",
        "disk_utils.efi_system_partition_size",
        "disk_utils.bios_boot_partition_size",
        "disk_utils.dd_block_size",
        "disk_utils.partition_detection_attempts",
        "disk_utils.partprobe_attempts",
        "disk_utils.image_convert_memory_limit",
        "disk_utils.image_convert_attempts",
        "disk_partitioner.check_device_interval",
        "disk_partitioner.check_device_max_retries",
        "container.allow_arbitrary_containers",
        "container.allowed_containers",
        "container.container_steps_file",
        "container.runner",
        "container.pull_options",
        "container.run_options",
        "mdns.use_mdns",
        "mdns.allowed_overrides",
        "mdns.lookup_attempts",
        "mdns.params",
        "mdns.interfaces",
        "metrics.backend",
        "metrics.prepend_host",
        "metrics.prepend_host_reverse",
        "metrics.global_prefix",
        "metrics_statsd.statsd_host",
        "metrics_statsd.statsd_port",
        "ssl.ca_file",
    ];

    #[test]
    fn every_parameter_and_option_of_ironics_agent_is_used_or_has_a_reason_not_to_be() {
        let mut options = Options::default();
        options.set("api_url", "http://a");
        let flags = Flags::parse_from(["ferric-agent"]);
        Settings::from_options(&options, &flags).unwrap();
        let option_of = |parameter: &&str| {
            let mut all = PARAMETERS.iter();
            let found = all.find(|(name, _)| name == parameter);
            found
                .unwrap_or_else(|| panic!("{parameter} is not known"))
                .1
        };
        let of_parameters = PARAMETERS_OF_IRONIC.iter().map(option_of);
        for option in of_parameters.chain(FILE_OPTIONS_OF_IRONIC) {
            let is_read = options.is_read(option);
            let has_reason = why_without_effect(option).is_some();
            assert!(is_read != has_reason, "{option}: {is_read} {has_reason}");
        }
        for (option, _) in WITHOUT_EFFECT {
            assert!(!options.is_read(option), "{option} has an effect after all");
        }
    }
}
