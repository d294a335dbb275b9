//! Erase records and the key to check them with, as clients read them.

use super::fixture::Server;
use crate::erase_records::{PublicKey, Statement, file, sign, verify};
use ferric_model::erasure::SignedErasure;
use ferric_model::ids::ErasureId;
use ferric_store::Transaction;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

const SIGNED_AT: &str = "2026-01-01T00:00:02Z";

fn statement(node: &str, device: &str) -> Statement {
    let statement = json!({
        "node": {"uuid": node, "name": "a"}, "conductor": "one", "activity": "clean", "run": Uuid::nil(),
        "step": {"interface": "deploy", "step": "erase_devices"}, "signed_at": SIGNED_AT,
        "erasure": {
            "device": device, "serial": "S", "model": null, "wwn": null, "size_bytes": 4096,
            "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z",
            "outcome": "skipped", "reason": "it is read-only",
        },
    });
    serde_json::from_value(statement).unwrap()
}

/// A node with records of so many disks, and its UUID.
async fn node_with(server: &Server, name: &str, disks: u128) -> String {
    let node = server.node(name).await;
    let key = server.conductor.erase_key().unwrap();
    let mut transaction = Transaction::new();
    for number in 0..disks {
        let device = format!("/dev/sd{number}");
        transaction = transaction.put(&SignedErasure {
            uuid: ErasureId(Uuid::new_v4()),
            node_uuid: node.parse().unwrap(),
            signed_at: SIGNED_AT.parse().unwrap(),
            envelope: sign(&key, &statement(&node, &device)),
        });
    }
    server.conductor.store().commit(transaction).await.unwrap();
    node
}

fn devices(body: &Value) -> Vec<&str> {
    let records = body["erase_records"].as_array().unwrap().iter();
    records
        .map(|record| {
            let erasure = &record["envelope"]["record"]["erasure"];
            erasure["device"].as_str().unwrap()
        })
        .collect()
}

#[tokio::test]
async fn an_envelope_is_what_is_checked_and_the_key_is_told() {
    let server = Server::start().await;
    let node = node_with(&server, "a", 1).await;
    node_with(&server, "b", 2).await;
    let answer = server.get("/ferric/v1/nodes/a/erase-records").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["next"], Value::Null);
    assert_eq!(devices(&answer.body), ["/dev/sd0"]);
    let record = &answer.body["erase_records"][0];
    let key = server.conductor.erase_key().unwrap();
    let expected = file(sign(&key, &statement(&node, "/dev/sd0")));
    assert_eq!(record["envelope"], expected);

    let told = server.get("/ferric/v1/erase-key").await;
    assert_eq!(told.status, StatusCode::OK);
    assert_eq!(told.body["algorithm"], "ed25519");
    assert_eq!(told.body["keyid"], expected["signatures"][0]["keyid"]);
    let pem = told.body["public_key"].as_str().unwrap();
    let keys = PublicKey::all_of_pem(pem.as_bytes()).unwrap();
    let written = record["envelope"].to_string();
    let verified = verify(written.as_bytes(), Some(&keys)).unwrap();
    assert_eq!(verified.statement, statement(&node, "/dev/sd0"));
}

#[tokio::test]
async fn pages_are_in_the_order_of_signing() {
    let server = Server::start().await;
    node_with(&server, "a", 3).await;
    let path = "/ferric/v1/nodes/a/erase-records";
    let first = server.get(&format!("{path}?limit=2")).await.body;
    assert_eq!(devices(&first), ["/dev/sd0", "/dev/sd1"]);
    let marker = first["next"].as_str().unwrap();
    let rest = server
        .get(&format!("{path}?limit=2&marker={marker}"))
        .await
        .body;
    assert_eq!(devices(&rest), ["/dev/sd2"]);
    assert_eq!(rest["next"], Value::Null);
    for (asked, status) in [
        ("?limit=0", StatusCode::BAD_REQUEST),
        ("?marker=x", StatusCode::BAD_REQUEST),
        ("?bogus=1", StatusCode::BAD_REQUEST),
        (
            "?marker=00000000-0000-0000-0000-000000000009",
            StatusCode::NOT_FOUND,
        ),
    ] {
        let answer = server.get(&format!("{path}{asked}")).await;
        assert_eq!(answer.status, status, "{asked}");
    }
    let missing = server.get("/ferric/v1/nodes/none/erase-records").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let odd = server.get("/ferric/v1/erase-key?bogus=1").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}
