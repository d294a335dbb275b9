//! What the demo and the machine tests stand on, as far as it needs no machine.

use anyhow::anyhow;
use ferric_tests::failure::{Kept, one_line};
use ferric_tests::images::Images;
use ferric_tests::lab::{Plan, leased, newest_lease};
use ferric_tests::machine::{Firmware, Machine};
use ferric_tests::process::{command, output, shell_word};
use ferric_tests::settings::{lab_file, settings_file};
use ferric_tests::wait::pause;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn programs_speak_english_in_every_country() {
    let language = output(command("sh").args(["-c", "echo $LC_ALL"])).unwrap();
    assert_eq!(language, "C.UTF-8\n");
}

#[test]
fn paths_are_written_so_that_toml_reads_them() {
    let folder = Path::new("/srv/a \"b\"\\c\u{7f}\n'd'");
    let plan = Plan::new("odd", vec![Machine::new(1, "m1", Firmware::Bios)]);
    let lab: toml::Table = lab_file(&plan, folder, 1234).parse().unwrap();
    let hosts = folder.join("hosts");
    assert_eq!(lab["dnsmasq"]["hostsdir"].as_str(), hosts.to_str());
    assert_eq!(lab["machine"][0]["name"].as_str(), Some("m1"));
    let images = Images {
        kernel: folder.join("kernel"),
        ramdisk: folder.join("ramdisk"),
        system: folder.join("images/os"),
    };
    let settings: toml::Table = settings_file(&plan, folder, &images).parse().unwrap();
    assert_eq!(
        settings["state_dir"].as_str(),
        folder.join("state").to_str()
    );
    assert_eq!(settings["boot"]["kernel"].as_str(), images.kernel.to_str());
    let allowed = settings["images"]["allowed_paths"].as_array().unwrap();
    let expected = [folder.join("images"), folder.to_owned()];
    assert_eq!(allowed.len(), 2);
    for (found, expected) in allowed.iter().zip(&expected) {
        assert_eq!(found.as_str(), expected.to_str());
    }
}

#[test]
fn words_for_a_shell_come_out_as_they_went_in() {
    for text in [
        "/srv/lab-1/a_b.c",
        "/srv/my lab",
        "it's \"$HOME\" `x`\\",
        "",
        "a;b&c",
    ] {
        let said = output(command("sh").args(["-c", &format!("printf %s {}", shell_word(text))]));
        assert_eq!(said.unwrap(), text);
    }
    assert_eq!(shell_word("/srv/lab-1"), "/srv/lab-1");
}

#[test]
fn a_failure_is_one_line_without_what_is_attached() {
    let error = anyhow!("uefi-1 is deploy failed instead of active: \"no disk fits\"")
        .context("the last events of uefi-1:\n{}\n{}")
        .context("deploying")
        .context(Kept(PathBuf::from("/lab")));
    let line = "deploying: uefi-1 is deploy failed instead of active: \"no disk fits\"";
    assert_eq!(one_line(&error), line);
    assert!(format!("{error:?}").contains("the last events"));
    assert_eq!(one_line(&anyhow!("first\nsecond")), "first");
}

/// Suites end at the first command that fails: that nobody is found is none.
#[test]
fn who_has_to_do_with_a_folder_is_found_and_that_nobody_has_is_no_failure() {
    let look = |folders: &str| {
        let script = format!(
            "set -euo pipefail; cd '{}'; . tests/lib/traces.sh; processes_in {folders}; echo end",
            ferric_tests::images::top().display()
        );
        output(command("bash").args(["-c", &script])).unwrap()
    };
    assert_eq!(look("/nonexistent/one /nonexistent/two"), "end\n");
    let folder = tempfile::tempdir().unwrap();
    let mut sleeper = command("sleep");
    let mut child = sleeper.arg("60").current_dir(&folder).spawn().unwrap();
    let seen = look(&format!("/nonexistent/one {}", folder.path().display()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen.contains("sleep 60"), "{seen}");
    assert!(seen.ends_with("end\n"), "{seen}");
}

#[test]
fn the_lease_that_ends_last_is_the_newest() {
    let leases = "1700000300 52:54:00:fe:00:01 192.168.100.170 life 01:52:54:00:fe:00:01\n\
        1700000900 52:54:00:fe:00:02 192.168.100.180 * *\n\
        1700000100 52:54:00:fe:00:01 192.168.100.120 * ff:00:00:00:01\n\
        duid 00:01:00:01\n";
    let newest = |mac| newest_lease(leases, mac);
    assert_eq!(newest("52:54:00:fe:00:01"), Some("192.168.100.170"));
    assert_eq!(newest("52:54:00:fe:00:03"), None);
}

#[test]
fn a_file_of_leases_that_is_just_being_written_is_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lease = "1700000300 52:54:00:fe:00:01 192.168.100.170 * *\n";
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            pause(Duration::from_millis(500));
            std::fs::write(file.path(), lease).unwrap();
        });
        leased(file.path(), "52:54:00:fe:00:01").unwrap()
    });
    assert_eq!(found, "192.168.100.170");
}
