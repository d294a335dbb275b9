//! Precedence, and what is refused.

use clap::Parser;

use super::*;

struct Sources {
    directory: tempfile::TempDir,
}

impl Sources {
    fn new(cmdline: &str, ini: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cmdline"), cmdline).unwrap();
        std::fs::write(directory.path().join("a.conf"), ini).unwrap();
        Self { directory }
    }

    fn load(&self, arguments: &[&str]) -> Result<Settings, ConfigError> {
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
fn values_that_make_no_sense_are_named() {
    let check = |cmdline: &str, ini: &str, expected: &str| {
        let error = Sources::new(cmdline, ini)
            .load(&[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("quiet", "", "ipa-api-url");
    check("ipa-api-url=mdns", "", "mDNS is not supported");
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
fn options_without_an_effect_are_known() {
    let mut options = Options::default();
    KernelParameters::parse("ipa-api-url=http://a ipa-ntp-server=b boot_method=pxe ipa-debug=1")
        .apply(&mut options);
    options.set_in("metrics", "backend", "statsd");
    let flags = Flags::parse_from(["ferric-agent"]);
    Settings::from_options(&options, &flags).unwrap();
    assert_eq!(options.unread(), ["metrics.backend", "ntp_server"]);
}
