//! An installation moves to PostgreSQL and back with `ferric store copy`.

use crate::program::{Ferric, copy};
use crate::server::Server;
use std::path::Path;
use std::process::Output;

/// Records and events that the program says it has copied and found equal.
fn equal(output: &Output) -> (u64, u64) {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let words: Vec<&str> = said.split_whitespace().collect();
    let [records, "records,", events, "events", "copied,", "equal"] = words[..] else {
        panic!("{said}");
    };
    (records.parse().unwrap(), events.parse().unwrap())
}

fn refused(output: &Output, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn an_installation_moves_there_and_back() {
    let server = Server::start(&[]);
    let database = server.database();
    let url = server
        .url(&database)
        .replace("postgres@", "postgres:hunter2@");
    let url = Path::new(&url);
    let mut first = Ferric::new("");
    first.start();
    for name in ["a", "b", "c"] {
        first.enroll(name);
    }
    first.stop();
    let copied = equal(&copy(&first.state(), url, &[]));
    assert!(
        copied.0 >= 4 && copied.1 >= 3,
        "three nodes and a conductor: {copied:?}"
    );
    refused(&copy(&first.state(), url, &[]), "is not empty");

    // One line of configuration; the key is the same file.
    let config = first.folder.path().join("ferric.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let line = format!("store = '{}'\n{text}", url.display());
    std::fs::write(&config, line).unwrap();
    first.start();
    assert_eq!(first.names(), ["a", "b", "c"]);
    first.enroll("d");
    first.stop();

    let mut second = Ferric::new("");
    let key = first.state().join("store.key");
    let key = key.to_str().unwrap();
    let back = equal(&copy(url, &second.state(), &["--from-key", key]));
    assert!(back.0 > copied.0 && back.1 > copied.1, "{back:?}");
    second.start();
    assert_eq!(second.names(), ["a", "b", "c", "d"]);
    refused(
        &copy(url, &second.state(), &["--from-key", key]),
        "is in use by another process",
    );
    second.stop();
    refused(
        &copy(url, &second.state(), &["--from-key", key]),
        "is not empty",
    );
}

#[test]
fn what_is_not_there_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    refused(&copy(&from, &to, &[]), "there is no store in");
    assert!(!from.exists());
    let wrong = Path::new("postgresql://f:hunter2@db/f?sslmode=maybe");
    let output = copy(wrong, &to, &[]);
    refused(&output, "--from sslmode must be");
    assert_eq!(output.status.code(), Some(64));
}
