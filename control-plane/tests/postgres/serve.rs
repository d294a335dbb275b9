//! One conductor on PostgreSQL: it comes back with what it had, and outlives its server's absence.

use crate::program::{Ferric, until};
use crate::server::{FullAt, Server};
use serde_json::json;
use std::time::{Duration, Instant};

const PASSWORD: &str = "hunter2";
/// More than twice `beat_timeout_s` of these tests: a conductor that ends for want of a store has ended by then.
const LONG: Duration = Duration::from_secs(8);

fn store(server: &Server, database: &str) -> String {
    let url = server.url(database);
    let url = url.replace("postgres@", &format!("postgres:{PASSWORD}@"));
    format!("store = '{url}'")
}

#[test]
fn a_node_is_there_after_a_restart_and_after_a_kill() {
    let server = Server::start(&[]);
    let mut ferric = Ferric::new(&store(&server, &server.database()));
    ferric.start();
    ferric.enroll("a");
    ferric.stop();
    ferric.start();
    assert_eq!(ferric.names(), ["a"]);
    ferric.enroll("b");
    ferric.crash();
    ferric.start();
    assert_eq!(ferric.names(), ["a", "b"]);
    assert!(ferric.state().join("store.key").exists());
    assert!(!ferric.state().join("ferric.redb").exists());
    ferric.stop();
    assert!(!ferric.log().contains(PASSWORD));
}

#[test]
fn a_killed_server_means_503_until_it_is_back() {
    let mut server = Server::start(&[]);
    let mut ferric = Ferric::new(&store(&server, &server.database()));
    ferric.start();
    ferric.enroll("a");
    let kernel = "/boot/files/00000000-0000-0000-0000-000000000001/kernel";
    assert_eq!(ferric.machine(kernel).0, 404, "there is no such node");
    server.kill();
    let started = Instant::now();
    let (mut reads, mut writes) = (0, 0);
    while started.elapsed() < LONG {
        let (status, retry, body) = ferric.get("/v1/nodes").unwrap();
        assert_eq!(status, 503, "{body}");
        assert!(retry.is_some(), "without Retry-After");
        assert!(
            body["error_message"]
                .as_str()
                .unwrap()
                .contains("try again")
        );
        reads += 1;
        let node = json!({"driver": "fake-hardware", "name": "b"});
        let (status, retry, body) = ferric.post("/v1/nodes", &node).unwrap();
        assert_eq!(status, 503, "{body}");
        assert!(retry.is_some(), "without Retry-After");
        let (status, retry) = ferric.machine(kernel);
        assert!(status == 503 && retry.is_some(), "{status} {retry:?}");
        writes += 1;
        assert!(ferric.runs(), "ferric has ended:\n{}", ferric.log());
    }
    assert!(reads > 3 && writes > 3, "{reads} reads, {writes} writes");
    server.restart();
    until("the API to be back", || {
        let (status, ..) = ferric.get("/v1/nodes").unwrap();
        (status == 200).then_some(())
    });
    // Its beat goes on: the conductor is alive in the list.
    until("the conductor's beat", || {
        let (_, _, body) = ferric.get("/v1/conductors").unwrap();
        let alive = body["conductors"][0]["alive"].as_bool();
        (alive == Some(true)).then_some(())
    });
    assert_eq!(ferric.names(), ["a"]);
    ferric.enroll("b");
    assert_eq!(ferric.names(), ["a", "b"]);
    assert!(ferric.runs());
    ferric.stop();
    assert!(!ferric.log().contains(PASSWORD));
}

#[test]
fn a_full_disk_of_the_server_means_503_for_writes_until_there_is_room() {
    let server = Server::start(&[]);
    let database = server.database();
    let mut ferric = Ferric::new(&store(&server, &database));
    ferric.start();
    ferric.enroll("a");
    server.fill_disk(&database, "ferric_records", FullAt::Write);
    let started = Instant::now();
    let mut writes = 0;
    while started.elapsed() < LONG {
        let node = json!({"driver": "fake-hardware", "name": "b"});
        let (status, retry, body) = ferric.post("/v1/nodes", &node).unwrap();
        assert_eq!(status, 503, "{body}");
        assert!(retry.is_some(), "without Retry-After");
        assert_eq!(ferric.names(), ["a"], "reads go on");
        writes += 1;
        assert!(ferric.runs(), "ferric has ended:\n{}", ferric.log());
    }
    assert!(writes > 3, "{writes} writes");
    server.make_room(&database, "ferric_records");
    until("the conductor's beat", || {
        let (_, _, body) = ferric.get("/v1/conductors").unwrap();
        let alive = body["conductors"][0]["alive"].as_bool();
        (alive == Some(true)).then_some(())
    });
    ferric.enroll("b");
    assert_eq!(ferric.names(), ["a", "b"]);
    ferric.stop();
}

#[test]
fn what_cannot_be_opened_ends_with_a_sentence() {
    let url = format!("store = 'postgresql://ferric:{PASSWORD}@127.0.0.1:1/ferric'");
    let wrong = format!("store = 'postgresql://ferric:{PASSWORD}@127.0.0.1/ferric?sslmode=maybe'");
    for (line, code, part) in [
        (
            url,
            70,
            "connecting to postgresql://ferric@127.0.0.1:1/ferric",
        ),
        (wrong, 64, "sslmode must be disable, require or verify-full"),
    ] {
        let output = Ferric::new(&line).run_to_its_end();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(part), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
}
