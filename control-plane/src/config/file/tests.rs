//! Whole files: what is taken, and what the others are refused with.

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
fn whom_a_deploy_makes_the_lessee() {
    for source in ["instance", "request", "none"] {
        let text = format!("[conductor]\nautomatic_lessee_source = '{source}'");
        check(&text, Ok(()));
    }
    check(
        "[conductor]\nautomatic_lessee_source = 'owner'",
        Err("expected one of `instance`, `request`, `none`"),
    );
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
    check("[api]\nmax_limit = 0", Err("must be from 1 to 10000"));
    check("[api]\nmax_limit = 10000", Ok(()));
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
fn what_a_file_leaves_out_has_the_documented_default() {
    let conductor = toml::from_str::<File>("[conductor]").unwrap().conductor;
    assert_eq!(conductor.max_concurrent_deploy, 250);
    assert_eq!(conductor.max_concurrent_clean, 50);
    assert_eq!(1 << conductor.hash_partition_exponent, 256);
}

#[test]
fn machines_are_discovered_by_a_driver_and_known_by_their_ports() {
    check("[auto_discovery]\nenabled = false", Ok(()));
    check(
        "[auto_discovery]\nenabled = true",
        Err("auto_discovery.driver is missing"),
    );
    check(
        "[auto_discovery]\nenabled = true\ndriver = ''",
        Err("auto_discovery.driver is missing"),
    );
    let on = "[auto_discovery]\nenabled = true\ndriver = 'redfish'\n";
    check(on, Ok(()));
    for without in ["add_ports = 'disabled'", "hooks = 'ramdisk-error'"] {
        check(
            &format!("{on}[inspection]\n{without}"),
            Err("auto_discovery.enabled needs ports"),
        );
    }
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
