//! A node that somebody holds: who that is, and what becomes of a request that has to wait for it.

use super::fixture::{Answer, Server};
use super::nodes::refused;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Longer than half a second, and shorter than a request waits for a node.
const LATE: Duration = Duration::from_secs(1);
/// Longer than a request waits for a node.
const TOO_LATE: Duration = Duration::from_secs(10);

/// The node, once nobody works on it.
async fn free(server: &Server) -> Value {
    for _ in 0..600 {
        let node = server.get("/v1/nodes/a").await.body;
        if node["reservation"].is_null() {
            return node;
        }
        sleep(Duration::from_secs(1)).await;
    }
    panic!("the node stays reserved");
}

async fn set_maintenance(server: &Server) -> Answer {
    let path = "/v1/nodes/a/maintenance";
    server.call(Method::PUT, path, json!({})).await
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_deleted_while_a_request_waits_for_it_is_not_found() {
    let server = Server::start().await;
    let id = server.node("a").await;
    let (path, body) = ("/v1/nodes/a/states/console", json!({"enabled": true}));
    let opened = server.call(Method::PUT, path, body).await;
    assert_eq!(opened.status, StatusCode::ACCEPTED, "{}", opened.fault());
    assert_eq!(free(&server).await["console_enabled"], true);
    // The node is held while its console is closed.
    server.fakes.machine(&id).set_delay(LATE);
    let waiting = async {
        sleep(LATE / 2).await;
        set_maintenance(&server).await
    };
    let deleting = server.call(Method::DELETE, "/v1/nodes/a", Value::Null);
    let (deleted, waited) = tokio::join!(deleting, waiting);
    assert_eq!(
        deleted.status,
        StatusCode::NO_CONTENT,
        "{}",
        deleted.fault()
    );
    refused(&waited, 404, &format!("Node {id} could not be found"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_worked_on_shows_who_holds_it_and_for_what() {
    let server = Server::start().await;
    let id = server.node("a").await;
    let conductors = server.get("/v1/conductors").await.body;
    let host = conductors["conductors"][0]["hostname"].as_str().unwrap();
    assert_eq!(free(&server).await["reservation"], Value::Null);
    server.fakes.machine(&id).set_delay(TOO_LATE);
    let (path, body) = ("/v1/nodes/a/states/provision", json!({"target": "manage"}));
    let asked = server.call(Method::PUT, path, body).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.fault());
    let reserved = async || {
        let node = server.get("/v1/nodes/a").await.body;
        assert_eq!(node["provision_state"], "verifying");
        assert_eq!(node["reservation"], host);
    };
    reserved().await;
    let locked = format!("Node {id} is locked by host {host} (verifying)");
    refused(&set_maintenance(&server).await, 409, &locked);
    reserved().await;
    let node = free(&server).await;
    assert_eq!(node["provision_state"], "manageable");
}
