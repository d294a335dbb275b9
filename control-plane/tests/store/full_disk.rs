//! A disk that gets full under the program: reads go on, writes are told to come back, and nothing is lost.

use crate::program::{Ferric, until};
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::process::Command;

/// In the process that has the small disk. It is the folder for temporary files, and so holds the state directory.
const PLACE: &str = "FERRIC_TEST_SMALL_DISK";

#[expect(
    clippy::disallowed_methods,
    reason = "the test itself is the program, and its mounts must be nobody else's"
)]
fn ran_on_a_small_disk(test: &str) -> bool {
    if std::env::var_os(PLACE).is_some() {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m none \"$1\" && shift && exec \"$@\"")
        .arg("sh")
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLACE, "yes")
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}{errors}");
    true
}

/// Status and `Retry-After`.
fn enroll(ferric: &Ferric, name: &str) -> (u16, Option<String>) {
    let mut random = name
        .bytes()
        .fold(1_u64, |sum, byte| sum * 257 + u64::from(byte));
    // Nothing that can be packed.
    let text = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'@' + u8::try_from((random >> 40) % 27).unwrap())
    });
    let text: String = text.take(60_000).collect();
    let node = json!({"driver": "fake-hardware", "name": name, "extra": {"text": text}});
    let (status, retry, _) = ferric.post("/v1/nodes", &node).unwrap();
    (status, retry)
}

#[test]
fn writes_are_told_to_come_back_and_ferric_lives_on() {
    let name = "full_disk::writes_are_told_to_come_back_and_ferric_lives_on";
    if ran_on_a_small_disk(name) {
        return;
    }
    let mut ferric = Ferric::new("");
    ferric.start();
    let mut names = vec!["a".to_owned()];
    assert_eq!(enroll(&ferric, "a").0, 201);
    let filler = ferric.folder.path().join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0x55; 4096]).is_ok() {}
    // An open file keeps its room when it is removed.
    drop(file);
    let mut number = 0;
    until("a write that finds no room", || {
        number += 1;
        let name = format!("b{number}");
        let (status, retry) = enroll(&ferric, &name);
        if status == 201 {
            names.push(name);
            return None;
        }
        assert_eq!((status, retry.is_some()), (503, true));
        Some(())
    });
    names.sort();
    // Longer than a conductor without a store lived.
    let since = std::time::Instant::now();
    until("three times beat_timeout_s", || {
        assert_eq!(ferric.names(), names, "reads go on");
        (since.elapsed().as_secs() > 9).then_some(())
    });
    assert!(ferric.runs(), "{}", ferric.log());
    std::fs::remove_file(&filler).unwrap();
    until("a write that finds room", || {
        (enroll(&ferric, "c").0 == 201).then_some(())
    });
    names.push("c".to_owned());
    assert_eq!(ferric.names(), names);
    ferric.crash();
    ferric.start();
    assert_eq!(ferric.names(), names);
    ferric.stop();
}
