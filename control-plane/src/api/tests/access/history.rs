//! Who asked for something stands in the history of the node, also where it was one of many.

use super::{OURS, World, in_project};
use crate::api::tests::fixture::{Answer, PATIENCE};
use crate::auth::Role;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The history of the node once it has come to rest there.
async fn history(world: &World, node: &str, state: &str) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    let path = format!("/v1/nodes/{node}/history?detail=true");
    loop {
        let answer = world.server.get(&path).await;
        let lines = answer.body["history"].as_array();
        let last = lines.and_then(|lines| lines.last());
        if last.is_some_and(|line| line["state"] == state) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{node} stays: {}", answer.body);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_line_of_a_run_names_who_asked_for_it() {
    let world = World::start().await;
    for name in ["one", "of-many"] {
        world.node(name, Some(OURS), None).await;
    }
    let member = in_project(Role::Member, OURS);
    let manage = json!({"target": "manage"});
    let path = "/v1/nodes/one/states/provision";
    let asked = world.as_one(&member, Method::PUT, path, manage).await;
    assert_eq!(asked.status, 202, "{}", asked.fault());
    let bulk =
        json!({"action": "provision", "defaults": {"target": "manage"}, "nodes": ["of-many"]});
    let path = "/ferric/v1/nodes/bulk";
    let asked = world.as_one(&member, Method::POST, path, bulk).await;
    assert!(asked.status.is_success(), "{}", asked.fault());
    for node in ["one", "of-many"] {
        let told = history(&world, node, "manageable").await.body;
        let lines = told["history"].as_array().unwrap();
        assert!(lines.len() > 1, "{told}");
        for line in lines {
            let (user, project) = (&line["user"], &line["project"]);
            assert_eq!((user, project), (&json!("u"), &json!(OURS)), "{line}");
        }
        assert_eq!(lines[0]["duration_seconds"], Value::Null, "{told}");
        assert!(lines[1]["duration_seconds"].is_u64(), "{told}");
    }
}
