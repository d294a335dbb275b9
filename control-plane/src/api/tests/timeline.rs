//! The timeline as a list and as a stream.

use super::fixture::Server;
use axum::body::Body;
use futures_util::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

#[tokio::test]
async fn as_a_list_behind_a_number() {
    let server = Server::start().await;
    let node = server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let path = "/ferric/v1/nodes/a/timeline";
    let all = server.get(path).await.body["events"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(all[0]["event"], "enrolled");
    assert_eq!(all[0]["node"], node);
    assert!(
        all.iter()
            .any(|event| event["event"] == "state_changed" && event["to"] == "verifying"),
        "{all:?}"
    );
    let first = all[0]["sequence"].as_u64().unwrap();
    let rest = server
        .get(&format!("{path}?after={first}&limit=1"))
        .await
        .body;
    assert_eq!(rest["events"], json!([all[1]]));
    assert_eq!(
        server.get(&format!("{path}?after=-1")).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        server.get("/ferric/v1/nodes/none/timeline").await.status,
        StatusCode::NOT_FOUND
    );
}

/// Opens the stream behind an event.
async fn open(server: &Server, last: Option<u64>) -> Body {
    let mut request = Request::get("/ferric/v1/nodes/a/timeline")
        .header("X-OpenStack-Ironic-API-Version", "latest")
        .header("Accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last.to_string());
    }
    let response = server
        .operator
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

/// Reads until an event fits; each chunk of the body is one event.
async fn read_until(stream: Body, fits: impl Fn(&Value) -> bool) -> (u64, Value) {
    let mut chunks = stream.into_data_stream();
    let reading = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
            let field = |name: &str| {
                chunk
                    .lines()
                    .find_map(|line| line.strip_prefix(name).map(str::trim))
            };
            let (Some(id), Some(data)) = (field("id:"), field("data:")) else {
                continue;
            };
            let data: Value = serde_json::from_str(data).unwrap();
            if fits(&data) {
                return (id.parse().unwrap(), data);
            }
        }
        panic!("the stream ended");
    };
    timeout(Duration::from_secs(20), reading)
        .await
        .expect("the event comes in time")
}

#[tokio::test]
async fn as_a_stream_that_goes_on_where_it_was_cut() {
    let server = Server::start().await;
    server.node("a").await;
    let stream = open(&server, None).await;
    let (first, _) = read_until(stream, |event| event["event"] == "enrolled").await;
    let stream = open(&server, Some(first)).await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let (id, event) = read_until(stream, |event| event["to"] == "manageable").await;
    assert_eq!(event["sequence"], id);
    assert!(id > first);
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let server = Server::start().await;
    server.node("a").await;
    let mut chunks = open(&server, None).await.into_data_stream();
    assert!(chunks.next().await.is_some());
    server.stop.cancel();
    let end = async { while chunks.next().await.is_some() {} };
    timeout(Duration::from_secs(5), end)
        .await
        .expect("the stream ends");
}
