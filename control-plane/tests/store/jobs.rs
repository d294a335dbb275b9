//! Backup, check, another key, restore: of a store that is worked with, and of one that is not.

use crate::program::{Ferric, ferric};
use std::fs;
use std::path::Path;
use std::process::Output;

const PASSWORD: &str = "hunter2-of-the-bmc";

fn store(job: &str, state: &Path, more: &[&str]) -> Output {
    let mut command = ferric();
    command
        .args(["store", job, "--state"])
        .arg(state)
        .args(more);
    command.output().unwrap()
}

fn done(output: &Output, part: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains(part), "{said}{errors}");
}

fn refused(output: &Output, code: i32, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part), "{said}");
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

fn enroll(ferric: &Ferric, name: &str) {
    let node = serde_json::json!({
        "driver": "fake-hardware", "name": name, "driver_info": {"redfish_password": PASSWORD},
    });
    let (status, _, body) = ferric.post("/v1/nodes", &node).unwrap();
    assert_eq!(status, 201, "{body}");
}

#[test]
fn jobs_are_done_while_ferric_runs_and_while_it_does_not() {
    let mut first = Ferric::new("");
    let state = first.state();
    let place = |name: &str| first.folder.path().join(name);
    let (running, stopped) = (place("running"), place("stopped"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    first.start();
    enroll(&first, "a");
    let output = store("backup", &state, &["--out", &text(&running)]);
    done(&output, "records");
    let output = store("backup", &state, &["--out", &text(&running)]);
    refused(&output, 64, "is there already");
    done(&store("check", &state, &[]), " 0 wrong");
    refused(&store("compact", &state, &[]), 70, "is in use");
    done(&store("rotate-key", &state, &[]), "sealed by the new key");
    enroll(&first, "b");
    assert_eq!(first.names(), ["a", "b"]);
    first.stop();

    done(&store("check", &state, &[]), " 0 wrong");
    done(&store("compact", &state, &[]), "bytes after");
    done(&store("rotate-key", &state, &["--prepare"]), "next key");
    done(&store("rotate-key", &state, &[]), "sealed by the new key");
    let output = store("backup", &state, &["--out", &text(&stopped)]);
    done(&output, "records");
    for file in [&running, &stopped, &state.join("ferric.redb")] {
        assert!(!holds(file, PASSWORD), "{}", file.display());
    }

    // The key file has the keys of both backups.
    let key = text(&state.join("store.key"));
    for (backup, names) in [(&running, vec!["a"]), (&stopped, vec!["a", "b"])] {
        let mut second = Ferric::new("");
        let (to, backup) = (second.state(), text(backup));
        let output = store("restore", &to, &[&backup]);
        refused(&output, 70, "store.key is missing");
        done(
            &store("restore", &to, &["--key", &key, &backup]),
            "restored",
        );
        done(&store("check", &to, &[]), " 0 wrong");
        refused(&store("restore", &to, &[&backup]), 70, "is not empty");
        second.start();
        assert_eq!(second.names(), names);
        second.stop();
    }
    first.start();
    assert_eq!(first.names(), ["a", "b"]);
    first.stop();
}
