//! Shards, and the events of other services.

use super::fixture::Server;
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn shards_are_counted() {
    let server = Server::start().await;
    assert_eq!(server.get("/v1/shards").await.body, json!({"shards": []}));
    for (name, shard) in [("a", "x"), ("b", "y"), ("c", "y")] {
        let body = json!({"driver": "fake-hardware", "name": name, "shard": shard});
        server.call(Method::POST, "/v1/nodes", body).await;
    }
    server.node("d").await;
    let expected = json!({"shards": [
        {"name": "y", "count": 2},
        {"name": "None", "count": 1},
        {"name": "x", "count": 1},
    ]});
    assert_eq!(server.get("/v1/shards").await.body, expected);
    let old = server.call_in("1.81", Method::GET, "/v1/shards", Value::Null);
    assert_eq!(old.await.status, StatusCode::NOT_FOUND);
    let one = server.get("/v1/shards/x").await;
    assert_eq!(one.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn events_are_taken() {
    let server = Server::start().await;
    let event = json!({"event": "network.bind_port", "status": "ACTIVE",
        "port_id": "5be26c0b-03f2-4d2e-ae87-c02d7f33c781", "mac_address": "52:54:00:00:00:01"});
    let body = json!({"events": [event]});
    let post = async |version: &str, body: &Value| {
        let body = body.clone();
        let answer = server.call_in(version, Method::POST, "/v1/events", body);
        answer.await.status.as_u16()
    };
    assert_eq!(post("1.53", &body).await, 404);
    assert_eq!(post("1.54", &body).await, 204);
    assert_eq!(post("1.54", &json!({"events": [{}]})).await, 400);
    let get = server.get("/v1/events").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}
