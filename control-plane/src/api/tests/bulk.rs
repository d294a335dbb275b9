//! Many nodes in one request.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

async fn bulk(server: &Server, body: Value) -> Answer {
    let answer = server
        .call(Method::POST, "/ferric/v1/nodes/bulk", body)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    answer
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let results = answer.body["results"].as_array().unwrap().iter();
    results
        .map(|result| result["status"].as_u64().unwrap())
        .collect()
}

/// The sentence of a refusal.
fn fault(result: &Value) -> String {
    let inner = result["error_message"].as_str().unwrap();
    let inner: Value = serde_json::from_str(inner).unwrap();
    inner["faultstring"].as_str().unwrap().to_owned()
}

async fn reach(server: &Server, node: &str, state: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let states = server.get(&format!("/v1/nodes/{node}/states")).await.body;
        if states["provision_state"] == state {
            return;
        }
        assert!(Instant::now() < deadline, "{node} stays at {states}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nodes_are_enrolled_provisioned_and_deleted_with_a_result_each() {
    let server = Server::start().await;
    let nodes: Vec<Value> = (0..40)
        .map(|number| {
            let mac = format!("52:54:00:00:00:{number:02x}");
            json!({"name": format!("n{number}"), "ports": [mac]})
        })
        .chain([
            json!({"name": "n0"}),
            json!({"name": "x", "driver": "bogus"}),
            json!({"name": "y", "ports": ["52:54:00:00:00:00"]}),
        ])
        .collect();
    let defaults = json!({"driver": "fake-hardware", "network_interface": "noop"});
    let enrolled = bulk(
        &server,
        json!({"action": "enrol", "nodes": nodes, "defaults": defaults}),
    )
    .await;
    assert_eq!(enrolled.body["failed"], 3);
    assert_eq!(enrolled.body["done"], 40);
    let results = enrolled.body["results"].as_array().unwrap();
    assert_eq!(results[0]["status"], 201);
    assert_eq!(results[40]["status"], 409);
    assert_eq!(results[41]["status"], 400);
    assert!(
        fault(&results[41]).contains("bogus"),
        "{}",
        fault(&results[41])
    );
    assert_eq!(results[42]["status"], 409);
    let kept = server.get("/v1/nodes/y").await;
    assert_eq!(kept.status, StatusCode::NOT_FOUND, "its port was refused");
    let ports = server.get("/v1/nodes/n7/ports").await.body;
    assert_eq!(ports["ports"][0]["address"], "52:54:00:00:00:07");
    assert_eq!(
        results[7]["node"],
        server.get("/v1/nodes/n7").await.body["uuid"]
    );

    let manage = json!({"action": "provision", "defaults": {"target": "manage"}, "nodes": ["n1", "n2", "gone", {"node": "n3", "target": "provide"}]});
    assert_eq!(statuses(&bulk(&server, manage).await), [202, 202, 404, 400]);
    reach(&server, "n1", "manageable").await;
    reach(&server, "n2", "manageable").await;
    let deleted = bulk(
        &server,
        json!({"action": "delete", "nodes": ["n1", "gone", "n2", {"node": "n4"}, {}]}),
    )
    .await;
    assert_eq!(statuses(&deleted), [204, 404, 204, 204, 400]);
    assert_eq!(
        server.get("/v1/nodes/n1").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_there_is_no_room_for_is_tried_again() {
    let server = Server::start_with(|settings| settings.conductor.max_concurrent_deploy = 1).await;
    for name in ["a", "b", "c"] {
        server.node(name).await;
        for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
            server
                .provision(name, json!({"target": target}), ends)
                .await;
        }
    }
    let deploy = json!({"action": "provision", "defaults": {"target": "active"}, "nodes": ["a", "b", "c"], "wait_s": 60});
    assert_eq!(statuses(&bulk(&server, deploy).await), [202, 202, 202]);
    for name in ["a", "b", "c"] {
        reach(&server, name, "active").await;
    }
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_whole() {
    let server = Server::start().await;
    for (body, part) in [
        (json!({"nodes": ["a"]}), "action is missing"),
        (
            json!({"action": "paint", "nodes": ["a"]}),
            "enrol, provision or delete",
        ),
        (json!({"action": "delete"}), "nodes is missing"),
        (json!({"action": "delete", "nodes": []}), "1 to 1000"),
        (
            json!({"action": "delete", "nodes": vec!["a"; 1001]}),
            "1 to 1000",
        ),
        (
            json!({"action": "enrol", "nodes": ["a"]}),
            "nodes[0] must be an object",
        ),
        (
            json!({"action": "delete", "nodes": ["a"], "wait_s": 601}),
            "0 to 600",
        ),
        (
            json!({"action": "delete", "nodes": ["a"], "bogus": 1}),
            "bogus",
        ),
    ] {
        let refused = server
            .call(Method::POST, "/ferric/v1/nodes/bulk", body.clone())
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused.fault().contains(part), "{}", refused.fault());
    }
}
