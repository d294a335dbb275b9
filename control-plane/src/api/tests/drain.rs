//! A conductor that is told to leave.

use super::fixture::Server;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_conductor_that_is_drained_ends_and_says_so() {
    let server = Server::start().await;
    let conductor = server.conductor.clone();
    let mut running = JoinSet::new();
    running.spawn(async move { conductor.run(CancellationToken::new()).await });
    server.node("a").await;
    let state = server.get("/ferric/v1/drain").await.body;
    let host = &server.conductor.settings().host;
    let expected = json!({"conductor": host, "draining": false, "nodes": 1});
    assert_eq!(state, expected);
    let alive = async || {
        let listed = server.get("/v1/conductors").await.body;
        listed["conductors"][0]["alive"].clone()
    };
    assert_eq!(alive().await, true);
    let told = server
        .call(Method::POST, "/ferric/v1/drain", Value::Null)
        .await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    assert_eq!(told.body, json!({"conductor": host}));
    let state = server.get("/ferric/v1/drain").await.body;
    assert_eq!(state["draining"], true);
    running.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(alive().await, false);
}
