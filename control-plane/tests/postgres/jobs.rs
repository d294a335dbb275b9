//! `ferric store` told by the configuration file which store is meant: backups go from the embedded store to PostgreSQL
//! and back, jobs are done while `ferric serve` works on it.

use crate::program::{Ferric, ferric};
use crate::server::Server;
use std::path::Path;
use std::process::Output;

const PASSWORD: &str = "hunter2-of-the-bmc";

fn store(job: &str, of: &Ferric, more: &[&Path]) -> Output {
    let mut command = ferric();
    command.args(["store", job, "--config"]);
    command.arg(of.folder.path().join("ferric.toml")).args(more);
    command.output().unwrap()
}

fn done(output: &Output, part: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains(part), "{said}{errors}");
}

fn enroll(ferric: &Ferric, name: &str) {
    let node = serde_json::json!({
        "driver": "fake-hardware", "name": name, "driver_info": {"redfish_password": PASSWORD},
    });
    let (status, _, body) = ferric.post("/v1/nodes", &node).unwrap();
    assert_eq!(status, 201, "{body}");
}

#[test]
fn a_backup_is_restored_into_a_database_and_back_into_a_file() {
    let server = Server::start(&[]);
    let url = server.url(&server.database());
    let mut first = Ferric::new("");
    let (there, back) = (
        first.folder.path().join("there"),
        first.folder.path().join("back"),
    );
    first.start();
    enroll(&first, "a");
    let out = Path::new("--out");
    done(&store("backup", &first, &[out, &there]), "records");
    first.stop();

    let mut second = Ferric::new(&format!("store = '{url}'"));
    let (key, with_key) = (first.state().join("store.key"), Path::new("--key"));
    let restored = store("restore", &second, &[with_key, &key, &there]);
    done(&restored, "restored");
    done(&store("check", &second, &[]), " 0 wrong");
    let again = store("restore", &second, &[&there]);
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(70), "{said}");
    assert!(said.contains("is not empty"), "{said}");

    second.start();
    assert_eq!(second.names(), ["a"]);
    enroll(&second, "b");
    done(&store("check", &second, &[]), " 0 wrong");
    done(&store("rotate-key", &second, &[]), "sealed by the new key");
    done(&store("backup", &second, &[out, &back]), "records");
    assert_eq!(second.names(), ["a", "b"]);
    second.stop();
    for file in [&there, &back] {
        let bytes = std::fs::read(file).unwrap();
        let mut windows = bytes.windows(PASSWORD.len());
        assert!(!windows.any(|part| part == PASSWORD.as_bytes()));
    }

    let mut third = Ferric::new("");
    let key = second.state().join("store.key");
    let restored = store("restore", &third, &[with_key, &key, &back]);
    done(&restored, "restored");
    third.start();
    assert_eq!(third.names(), ["a", "b"]);
    third.stop();
}
