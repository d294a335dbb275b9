//! An agent brings its log to the machines' listener by itself, and it is in the node's timeline.

use super::dial_out::{come, config, token};
use super::fixture::{Answer, PATIENCE, Server};
use super::ramdisks::waiting;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::node::agent_session::Token;
use ferric_store::{Expectation, Key, Table, Transaction};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

fn piece(first: u64, lines: &[&str]) -> Value {
    json!({"run": Uuid::from_u128(5), "first": first, "lines": lines})
}

fn path(node: NodeId) -> String {
    format!("/ferric/v1/agents/{node}/log")
}

fn next(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    answer.body["next"].as_u64().unwrap()
}

/// All lines that the timeline has, in their order.
async fn told(server: &Server, node: NodeId) -> Vec<Value> {
    let path = format!("/ferric/v1/nodes/{node}/timeline");
    let timeline = server.get(&path).await.body;
    let events = timeline["events"].as_array().unwrap().iter();
    let logs = events.filter(|event| event["event"] == "agent_log");
    let lines = logs.flat_map(|event| event["lines"].as_array().unwrap().clone());
    lines.collect()
}

#[tokio::test]
async fn lines_are_told_once_and_without_a_heartbeat_or_a_command() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let agreed = config(&server.machine, "log-push").await;
    assert_eq!(agreed["ferric"], json!({"extensions": ["log-push"]}));
    let token = token(&agreed);
    let first = piece(0, &["ferric-agent begins", "b"]);
    for _ in 0..2 {
        let taken = come(&server.machine, &path(node), &token, &first).await;
        assert_eq!(next(&taken), 2);
    }
    assert_eq!(
        told(&server, node).await,
        [json!("ferric-agent begins"), json!("b")]
    );
    // What comes too soon is left, and the agent is told so.
    let more = piece(1, &["b", "c"]);
    let deadline = Instant::now() + PATIENCE;
    while next(&come(&server.machine, &path(node), &token, &more).await) != 3 {
        assert!(Instant::now() < deadline, "the line is never taken");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told(&server, node).await.last(), Some(&json!("c")));
    assert_eq!(told(&server, node).await.len(), 3);
}

/// As if the agent had told as much as there is room for.
async fn fill(server: &Server, node: NodeId) {
    let (store, key) = (server.conductor.store(), Key::new(Table::Node, node));
    let record = store.get(&key).await.unwrap().expect("a node");
    let mut found: Node = record.decode().unwrap();
    let session = found.agent.as_mut().unwrap();
    session.log.as_mut().unwrap().bytes = 64 << 10;
    let unchanged = Expectation::Revision(key, record.revision);
    let change = Transaction::new().expect(unchanged).put(&found);
    store.commit(change).await.unwrap();
}

#[tokio::test]
async fn what_there_is_no_room_for_is_not_brought_again() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let token = token(&config(&server.machine, "log-push").await);
    let bring =
        async |lines: Value| next(&come(&server.machine, &path(node), &token, &lines).await);
    assert_eq!(bring(piece(0, &["a"])).await, 1);
    fill(&server, node).await;
    assert_eq!(bring(piece(1, &["b", "c"])).await, 3);
    assert_eq!(told(&server, node).await, [json!("a")]);
}

#[tokio::test]
async fn nobody_but_the_nodes_agent_writes_into_its_timeline() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let lines = piece(0, &["a"]);
    // On the operators' listener it is not agreed on.
    let other = config(&server.operator, "epoch, log-push").await;
    assert_eq!(other["ferric"], json!({"extensions": ["epoch"]}));
    let of_another_kind = token(&other);
    for wrong in ["", "guess", of_another_kind.as_str()] {
        let refused = come(&server.machine, &path(node), wrong, &lines).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong:?}");
    }
    let token = token(&config(&server.machine, "log-push").await);
    let unknown = path(NodeId(Uuid::from_u128(77)));
    let nowhere = come(&server.machine, &unknown, &token, &lines).await;
    assert_eq!(nowhere.status, StatusCode::FORBIDDEN);
    let elsewhere = come(&server.operator, &path(node), &token, &lines).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    let formless = come(&server.machine, &path(node), &token, &json!({"run": 5})).await;
    assert_eq!(formless.status, StatusCode::BAD_REQUEST);
    // One that was admitted a moment before another boot's lookup.
    let late = serde_json::from_value(lines).unwrap();
    let of_the_last_boot = Token(of_another_kind);
    let late = server
        .conductor
        .take_agents_log(node, of_the_last_boot, late);
    let refusal = late.await.unwrap_err().to_string();
    assert_eq!(refusal, "the node has another agent by now");
    assert!(told(&server, node).await.is_empty());
}
