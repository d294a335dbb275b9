//! Precedence, and what is refused.

use clap::Parser;

use super::*;
use crate::media::tests::{Kind, Machine, fat, iso};

pub(super) struct Sources {
    directory: tempfile::TempDir,
}

impl Sources {
    pub(super) fn new(cmdline: &str, ini: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cmdline"), cmdline).unwrap();
        std::fs::write(directory.path().join("a.conf"), ini).unwrap();
        Self { directory }
    }

    pub(super) fn load(&self, arguments: &[&str]) -> Result<Settings, ConfigError> {
        let path = self.directory.path().display();
        let sources = [
            "ferric-agent".to_owned(),
            format!("--cmdline={path}/cmdline"),
            format!("--config-dir={path}"),
        ];
        let arguments = arguments.iter().map(|text| (*text).to_owned());
        load(&Flags::parse_from(sources.into_iter().chain(arguments)))
    }
}

#[test]
fn flags_win_over_files_and_files_over_the_kernel_command_line() {
    let sources = Sources::new(
        "ipa-api-url=http://kernel/,http://second ipa-lookup-timeout=7 ipa-listen-port=1234 BOOTIF=01-52-54-00-00-00-01",
        "[DEFAULT]\nlookup_timeout = 8\n",
    );
    let settings = sources.load(&[]).unwrap();
    assert_eq!(settings.api.urls, ["http://kernel", "http://second"]);
    assert_eq!(settings.lookup.timeout.as_secs(), 8);
    assert_eq!(settings.listen.address.port(), 1234);
    assert_eq!(settings.advertise.port, 9999);
    assert_eq!(settings.bootif.as_deref(), Some("01-52-54-00-00-00-01"));
    let settings = sources
        .load(&["--api-url=http://flag", "--listen=127.0.0.1:9"])
        .unwrap();
    assert_eq!(settings.api.urls, ["http://flag"]);
    assert_eq!(settings.listen.address.to_string(), "127.0.0.1:9");
    assert_eq!(settings.advertise.port, 9);
}

#[test]
fn defaults_are_those_of_ironics_agent() {
    let settings = Sources::new("ipa-api-url=http://a", "").load(&[]).unwrap();
    assert_eq!(settings.tls.mode, TlsMode::Automatic);
    assert_eq!(settings.tls.min_version, "1.2");
    assert_eq!(settings.lookup.timeout.as_secs(), 600);
    assert_eq!(
        (
            settings.advertise.attempts,
            settings.advertise.pause.as_secs()
        ),
        (6, 10)
    );
    assert!(settings.inspection.callback_urls.is_empty());
    assert_eq!(settings.inspection.collectors, ["default", "logs"]);
    assert_eq!(settings.inspection.lldp_timeout.as_secs(), 30);
    assert!(!settings.inspection.collect_lldp);
}

#[test]
fn collectors_alone_turn_inspection_on() {
    let cmdline = "ipa-api-url=http://a ipa-inspection-collectors=default";
    let settings = Sources::new(cmdline, "").load(&[]).unwrap();
    assert_eq!(
        settings.inspection.callback_urls,
        ["http://a/v1/continue_inspection"]
    );
}

#[test]
fn an_address_for_inspection_data_is_enough() {
    let cmdline = "ipa-inspection-callback-url=http://a/v1/continue_inspection";
    let settings = Sources::new(cmdline, "").load(&[]).unwrap();
    assert!(settings.api.urls.is_empty());
    assert_eq!(
        settings.inspection.callback_urls,
        ["http://a/v1/continue_inspection"]
    );
}

#[test]
fn values_that_make_no_sense_are_named() {
    let check = |cmdline: &str, ini: &str, expected: &str| {
        let error = Sources::new(cmdline, ini)
            .load(&[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("quiet", "", "ipa-api-url");
    check("ipa-inspection-collectors=default", "", "ipa-api-url");
    check("ipa-api-url=mdns,http://a", "", "mdns alone");
    check(
        "ipa-api-url=http://a ipa-ntp-server=a;reboot",
        "",
        "ntp_server",
    );
    check(
        "ipa-api-url=mdns",
        "[mdns]\ninterfaces = eth0",
        "mdns.interfaces",
    );
    check(
        "ipa-api-url=http://a ipa-listen-port=99999",
        "",
        "listen_port",
    );
    check(
        "ipa-api-url=http://a ipa-insecure=maybe",
        "",
        "true or false",
    );
    check(
        "ipa-api-url=http://a ipa-lookup-timeout=-1",
        "",
        "number of seconds",
    );
    check(
        "ipa-api-url=http://a ipa-tls-min-version=1.0",
        "",
        "1.2 or 1.3",
    );
    check("ipa-api-url=http://a", "listen_tls = yes", "tls_cert_file");
    check("ipa-api-url=http://a", "nonsense", "line 1");
}

#[test]
fn debug_on_the_kernel_command_line_wins_over_the_files() {
    let debug = |cmdline: &str, ini: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        Sources::new(&cmdline, ini).load(&[]).unwrap().debug
    };
    assert!(debug("ipa-debug=1", "debug = false"));
    assert!(!debug("ipa-debug=0", "debug = true"));
    assert!(debug("", "debug = true"));
}

#[test]
fn the_bmc_is_asked_unless_that_is_unwanted() {
    let skips = |cmdline: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        Sources::new(&cmdline, "")
            .load(&[])
            .unwrap()
            .skip_bmc_detect
    };
    assert!(!skips(""));
    assert!(skips("ipa-skip-bmc-detect=true"));
}

#[test]
fn images_install_their_grub_only_if_that_is_wanted() {
    let installs = |cmdline: &str, ini: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        let settings = Sources::new(&cmdline, ini).load(&[]).unwrap();
        settings.images.bootloader_install
    };
    assert!(!installs("", ""));
    assert!(installs("", "enable_bios_bootloader_install = True"));
    assert!(installs("ipa-enable-bios-bootloader-install=1", ""));
}

#[test]
fn options_without_an_effect_are_known() {
    let mut options = Options::default();
    KernelParameters::parse("ipa-api-url=http://a boot_method=pxe ipa-debug=1").apply(&mut options);
    options.set_in("metrics", "backend", "statsd");
    options.set("misspelt", "1");
    let flags = Flags::parse_from(["ferric-agent"]);
    Settings::from_options(&options, &flags).unwrap();
    assert_eq!(options.unread(), ["metrics.backend", "misspelt"]);
    let why = catalog::why_without_effect;
    assert!(why("metrics.backend").unwrap().contains("statsd"));
    assert_eq!(why("misspelt"), None);
}

#[test]
fn a_filter_of_the_log_that_makes_no_sense_is_bad_usage() {
    let parse = |filter: &str| Flags::try_parse_from(["ferric-agent", "--log", filter]);
    assert!(parse("info,ferric_agent::image=debug").is_ok());
    let error = parse("info,loud").unwrap_err().to_string();
    assert!(error.contains("\"loud\" is neither a level"), "{error}");
}

#[test]
fn quoted_values_may_have_blanks() {
    let cmdline = r#"ipa-api-url="http://a, http://b" "ipa-network-interface=eth 0""#;
    let settings = Sources::new(cmdline, "").load(&[]).unwrap();
    assert_eq!(settings.api.urls, ["http://a", "http://b"]);
    assert_eq!(settings.advertise.interface.as_deref(), Some("eth 0"));
}

#[test]
fn limits_of_downloads_are_those_that_were_written() {
    let of = |cmdline: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        let server = Sources::new(&cmdline, "").load(&[]).unwrap().image_server;
        let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs());
        (
            server.retries,
            seconds(server.retry_interval),
            seconds(server.max_duration),
        )
    };
    assert_eq!(of(""), (None, None, None));
    assert_eq!(of("ipa-image-download-max-duration=0"), (None, None, None));
    let all = "ipa-image-download-connection-retries=9 ipa-image-download-max-duration=60 \
        ipa-image-download-connection-retry-interval=10";
    assert_eq!(of(all), (Some(9), Some(10), Some(60)));
}

#[test]
fn virtual_media_win_over_the_command_line_and_files_over_both() {
    let machine = Machine::new();
    let parameters = "ipa-api-url=http://medium ipa-lookup-timeout=7 ipa-listen-port=1234";
    machine.add(
        "sda",
        Kind::Stick,
        "",
        &fat("ir-vfd-dev", "parameters.txt", parameters),
    );
    let file = "etc/ironic-python-agent.d/b.conf";
    let medium = iso("config-2", &["-r"], &[(file, "lookup_timeout = 8\n")]);
    machine.add("sr0", Kind::Cd, "", &medium);
    let load = |cmdline: &str, media: Option<&VirtualMedia>| {
        std::fs::write(machine.path("cmdline"), cmdline).unwrap();
        let arguments = [
            "ferric-agent".to_owned(),
            format!("--cmdline={}", machine.path("cmdline").display()),
            format!(
                "--config-dir={}",
                machine.path("root/etc/ironic-python-agent.d").display()
            ),
        ];
        let settings = load_beside(&Flags::parse_from(arguments), media).unwrap();
        let port = settings.listen.address.port();
        (
            settings.api.urls[0].clone(),
            settings.lookup.timeout.as_secs(),
            port,
        )
    };
    let cmdline = "ipa-api-url=http://kernel ipa-lookup-timeout=6";
    let media = machine.media();
    let alone = ("http://kernel".to_owned(), 6, 9999);
    assert_eq!(
        load(cmdline, Some(&media)),
        alone,
        "it was not booted from a medium"
    );
    let vmedia = format!("{cmdline} boot_method=vmedia");
    assert_eq!(load(&vmedia, None), alone, "it is not a ramdisk");
    let expected = ("http://medium".to_owned(), 8, 1234);
    assert_eq!(load(&vmedia, Some(&media)), expected);
}

#[test]
fn hardware_managers_are_looked_for_in_a_folder() {
    let managers = |cmdline: &str, ini: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        let loaded = Sources::new(&cmdline, ini).load(&[]);
        loaded.map(|settings| settings.hardware_managers)
    };
    let default = managers("", "").unwrap();
    let folder = std::path::Path::new("/usr/lib/ferric/hardware-managers");
    assert_eq!(default.folder, folder);
    assert_eq!(default.timeout.as_secs(), 30);
    let cmdline = "ipa-hardware-managers=/opt/a ipa-hardware-manager-timeout=5";
    let other = managers(cmdline, "[DEFAULT]\nhardware_managers = /opt/b\n").unwrap();
    assert_eq!(other.folder, std::path::Path::new("/opt/b"));
    assert_eq!(other.timeout.as_secs(), 5);
    let error = managers("ipa-hardware-managers=opt", "").unwrap_err();
    assert!(error.to_string().contains("an absolute path"), "{error}");
    for wrong in ["0", "51", "1e18", "1e30", "soon"] {
        let error = managers(&format!("ipa-hardware-manager-timeout={wrong}"), "").unwrap_err();
        let expected = "hardware_manager_timeout must be ";
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn who_connects_to_whom_is_the_operators_choice() {
    let direction = |cmdline: &str, ini: &str| {
        let cmdline = format!("ipa-api-url=http://a {cmdline}");
        let loaded = Sources::new(&cmdline, ini).load(&[]);
        loaded.map(|settings| settings.direction)
    };
    assert_eq!(direction("", "").unwrap(), Direction::In);
    assert_eq!(direction("ferric-dial-out=1", "").unwrap(), Direction::Out);
    let file = "[DEFAULT]\ndial_out = yes\n";
    assert_eq!(direction("", file).unwrap(), Direction::Out);
    let off = "[DEFAULT]\ndial_out = false\n";
    assert_eq!(direction("ferric-dial-out=1", off).unwrap(), Direction::In);
    let error = direction("ferric-dial-out=maybe", "").unwrap_err();
    let expected = "the option dial_out must be true or false, not \"maybe\"";
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        Direction::In.offered().to_header(),
        "progress, epoch, discard, erase-records, log, log-push"
    );
    assert_eq!(
        Direction::Out.offered().to_header(),
        "progress, epoch, discard, erase-records, log, log-push, dial-out"
    );
}
