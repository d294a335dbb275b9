//! The explanation of a node, as clients read it.

use super::fixture::Server;
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn in_words_and_as_data() {
    let server = Server::start().await;
    let uuid = server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let answer = server.get("/ferric/v1/nodes/a/explain").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.body;
    assert_eq!((&body["node"], &body["name"]), (&json!(uuid), &json!("a")));
    assert_eq!(body["state"]["name"], "manageable");
    assert_eq!(body["doing"], Value::Null);
    assert_eq!(body["waits_for"], Value::Null);
    assert_eq!(body["lock"]["owner"], "alive");
    assert_eq!(body["next"][0]["target"], "inspect");
    let text = body["text"].as_str().unwrap();
    assert!(
        text.starts_with("Node a is in the state manageable since"),
        "{text}"
    );

    let missing = server.get("/ferric/v1/nodes/none/explain").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let odd = server.get("/ferric/v1/nodes/a/explain?bogus=1").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}
