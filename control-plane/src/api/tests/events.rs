//! The timeline of a node and the events of all, as lists and as streams.

use super::fixture::Server;
use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt;
use http::{Method, Request, StatusCode};
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

const TIMELINE: &str = "/ferric/v1/nodes/a/timeline";

/// Opens the timeline's stream behind an event.
async fn open(server: &Server, last: Option<u64>) -> Body {
    follow(server, TIMELINE, last).await.into_body()
}

async fn follow(server: &Server, path: &str, last: Option<u64>) -> Response {
    let mut request = Request::get(path)
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
    if response.status() == StatusCode::OK {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
    }
    response
}

/// Reads until a stored event fits.
async fn read_until(stream: Body, fits: impl Fn(&Value) -> bool) -> (u64, Value) {
    let (id, event) = read_any(stream, |id, event| id.is_some() && fits(event)).await;
    (id.unwrap(), event)
}

/// Reads until an event fits; each chunk of the body is one event, with its number if it is stored.
async fn read_any(
    stream: Body,
    fits: impl Fn(Option<u64>, &Value) -> bool,
) -> (Option<u64>, Value) {
    let mut chunks = stream.into_data_stream();
    let reading = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
            let field = |name: &str| {
                chunk
                    .lines()
                    .find_map(|line| line.strip_prefix(name).map(str::trim))
            };
            let Some(data) = field("data:") else {
                continue;
            };
            let id = field("id:").map(|id| id.parse().unwrap());
            let data: Value = serde_json::from_str(data).unwrap();
            if fits(id, &data) {
                return (id, data);
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

#[tokio::test]
async fn events_of_all_nodes_by_node_and_kind() {
    let server = Server::start().await;
    let (a, b) = (server.node("a").await, server.node("b").await);
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let list = async |query: &str| server.get(&format!("/ferric/v1/events?{query}")).await;
    let nodes = async |query: &str| -> Vec<Value> {
        let events = list(query).await.body["events"].clone();
        let events = events.as_array().unwrap().iter();
        events.map(|event| event["node"].clone()).collect()
    };
    assert_eq!(nodes("kind=enrolled").await, [json!(a), json!(b)]);
    assert_eq!(nodes("kind=enrolled,note&node=b").await, [json!(b)]);
    let moves = list("kind=state_changed&limit=1").await.body;
    assert_eq!(moves["events"][0]["cause"], "manage");
    let rest = format!("kind=state_changed&after={}", moves["next"]);
    assert_eq!(list(&rest).await.body["events"][0]["cause"], "done");

    let unknown = list("kind=bogus").await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(
        unknown.fault().contains("state_changed"),
        "{}",
        unknown.fault()
    );
    assert_eq!(list("limit=0").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(list("node=none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stream_of_all_begins_now_or_behind_an_event() {
    let server = Server::start().await;
    server.node("a").await;
    let now = follow(&server, "/ferric/v1/events?kind=enrolled", None).await;
    let c = server.node("c").await;
    let (id, first) = read_until(now.into_body(), |_| true).await;
    assert_eq!(
        (&first["node"], &first["event"]),
        (&json!(c), &json!("enrolled"))
    );
    let resumed = follow(&server, "/ferric/v1/events?kind=enrolled", Some(id - 1)).await;
    assert_eq!(read_until(resumed.into_body(), |_| true).await, (id, first));
    // From a store that was restored since.
    let ahead = follow(&server, "/ferric/v1/events", Some(id + 1000)).await;
    let d = server.node("d").await;
    let (_, next) = read_until(ahead.into_body(), |_| true).await;
    assert_eq!(next["node"], json!(d));

    let request = Request::get("/ferric/v1/events")
        .header("Accept", "text/event-stream")
        .header("Last-Event-ID", "seven");
    let request = request.body(Body::empty()).unwrap();
    let refused = server.operator.clone().oneshot(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn heartbeats_are_told_live_and_not_stored() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let live = follow(&server, TIMELINE, None).await;
    let stored = follow(&server, &format!("{TIMELINE}?live=false"), None).await;
    let beat = ferric_model::event::What::Heartbeat { version: None };
    server
        .conductor
        .tell_live(node.parse().unwrap(), None, beat);
    let (id, beat) = read_any(live.into_body(), |_, event| event["event"] == "heartbeat").await;
    assert_eq!(
        (id, &beat["live"], &beat["node"]),
        (None, &json!(true), &json!(node))
    );
    assert_eq!(beat.get("sequence"), None);
    let manage = json!({"target": "manage"});
    server.provision("a", manage, "manageable").await;
    let (_, moved) = read_any(stored.into_body(), |_, event| event["event"] != "enrolled").await;
    assert_eq!(moved["event"], "state_changed");
    let listed = server.get(TIMELINE).await.body["events"].clone();
    let listed = listed.as_array().unwrap().clone();
    assert!(listed.iter().all(|event| event["event"] != "heartbeat"));
}

#[tokio::test]
async fn there_is_room_for_so_many_streams() {
    let server = Server::start_with(|settings| settings.http.event_streams = 1).await;
    server.node("a").await;
    let first = follow(&server, TIMELINE, None).await;
    let second = follow(&server, "/ferric/v1/events", None).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.headers().contains_key("retry-after"));
    let list = server.call(Method::GET, TIMELINE, Value::Null).await;
    assert_eq!(list.status, StatusCode::OK, "lists are no streams");
    drop(first);
    let third = follow(&server, TIMELINE, None).await;
    assert_eq!(third.status(), StatusCode::OK);
}
