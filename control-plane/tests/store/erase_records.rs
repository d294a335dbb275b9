//! Erase records on the command line, by its exit codes. The record here was signed by OpenSSL, with the key of RFC 8410.

use crate::program::{Ferric, ferric};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

fn given(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store");
    folder.join(name)
}

fn verify(file: &Path, more: &[&str]) -> Output {
    let mut command = ferric();
    command.arg("verify-erase").arg(file).args(more);
    command.output().unwrap()
}

/// How it ended, and what it said.
fn check(output: &Output, code: i32, part: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}{errors}");
    let place = if code == 0 { &said } else { &errors };
    assert!(place.contains(part), "{said}{errors}");
}

#[test]
fn a_file_is_enough_to_check_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let (record, key) = (given("erase-record.json"), given("erase-record.pem"));
    let key = ["--key", key.to_str().unwrap()];
    check(
        &verify(&record, &key),
        0,
        "signed by a key that is believed",
    );
    let fingerprint = "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f";
    let alone = verify(&record, &["--all-data"]);
    check(&alone, 0, fingerprint);
    check(&alone, 0, "S6XNNS0T300123");
    let text = fs::read_to_string(&record).unwrap();
    let changed = folder.path().join("changed.json");
    fs::write(&changed, text.replace("rack-7-12", "rack-7-13")).unwrap();
    check(&verify(&changed, &key), 65, "changed.json is not good");
    fs::write(&changed, &text[..text.len() - 2]).unwrap();
    check(&verify(&changed, &key), 65, "no signed erase record");
    check(
        &verify(&folder.path().join("none"), &key),
        64,
        "cannot be read",
    );
    let no_key = ["--key", record.to_str().unwrap()];
    check(&verify(&record, &no_key), 64, "must hold public keys");
}

#[test]
fn each_conductor_has_a_key_from_its_first_start() {
    let mut first = Ferric::new("");
    first.start();
    let key = first.state().join("erase.key");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let printed = ferric()
        .args(["erase-key", "--url", &first.url()])
        .output()
        .unwrap();
    check(&printed, 0, "-----BEGIN PUBLIC KEY-----");
    let (status, _, told) = first.get("/ferric/v1/erase-key").unwrap();
    assert_eq!(status, 200, "{told}");
    let pem = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(told["public_key"], pem);
    let other = first.folder.path().join("other.pem");
    fs::write(&other, pem).unwrap();
    let key_of_another = ["--key", other.to_str().unwrap()];
    let output = verify(&given("erase-record.json"), &key_of_another);
    check(&output, 65, "none of the keys that are believed");
    first.stop();

    first.start();
    let (_, _, again) = first.get("/ferric/v1/erase-key").unwrap();
    assert_eq!(again, told);
    first.stop();
    fs::write(&key, "nonsense").unwrap();
    check(
        &first.run_to_its_end(),
        70,
        "holds no private key of Ed25519",
    );
    assert_eq!(fs::read_to_string(&key).unwrap(), "nonsense");
}
