//! Many nodes in one request.

use super::fixture::{Answer, Server};
use ferric_store::{Query, Table};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

async fn bulk(server: &Server, body: Value) -> Answer {
    let answer = server
        .call(Method::POST, "/ferric/v1/nodes/bulk", body)
        .await;
    assert!(answer.status.is_success(), "{}", answer.fault());
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

/// Nodes that may be deployed, on a server that deploys as many at a time.
async fn available(names: &[&str], room: usize) -> Server {
    let server =
        Server::start_with(|settings| settings.conductor.max_concurrent_deploy = room).await;
    for name in names {
        server.node(name).await;
        for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
            server
                .provision(name, json!({"target": target}), ends)
                .await;
        }
    }
    server
}

fn deploy(nodes: &[&str]) -> Value {
    json!({"action": "provision", "defaults": {"target": "active"}, "nodes": nodes})
}

fn states(answer: &Answer) -> Vec<&str> {
    let results = answer.body["results"].as_array().unwrap().iter();
    results
        .map(|result| result["state"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_there_is_no_room_for_is_done_later() {
    let server = available(&["a", "b", "c"], 1).await;
    let mut body = deploy(&["a", "b", "c"]);
    body["wait_s"] = json!(60);
    let answer = bulk(&server, body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(statuses(&answer), [202, 202, 202]);
    assert_eq!(answer.body["counts"]["queued"], 0);
    for name in ["a", "b", "c"] {
        reach(&server, name, "active").await;
    }
    let timeline = server.get("/ferric/v1/nodes/c/timeline").await.body;
    let events = timeline["events"].as_array().unwrap().iter();
    let asked: Vec<_> = events
        .filter(|event| event["bulk"] == answer.body["id"])
        .collect();
    assert_eq!(asked[0]["to"], "deploying");
    let run = &answer.body["results"][2]["run"];
    assert!(asked.iter().all(|event| event["run"] == *run), "{asked:?}");
    assert_eq!(asked.last().unwrap()["to"], "active");
}

#[tokio::test]
async fn results_can_be_asked_for_later_in_pages() {
    let server = available(&["a", "b", "c"], 0).await;
    let id = "6f9c2a52-0a3e-4f0e-9a2b-0d6a5b1d2c3e";
    let mut body = deploy(&["a", "gone", "b", "c"]);
    body["id"] = json!(id);
    body["wait_s"] = json!(0);
    let answer = bulk(&server, body.clone()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["id"], id);
    assert_eq!(statuses(&answer), [202, 404, 202, 202]);
    assert_eq!(states(&answer), ["queued", "failed", "queued", "queued"]);
    let path = format!("/ferric/v1/bulk/{id}");
    let first = server.get(&format!("{path}?limit=3")).await;
    assert_eq!(states(&first), ["queued", "failed", "queued"]);
    assert_eq!(first.body["next"], 2);
    let second = server.get(&format!("{path}?limit=3&after=2")).await;
    assert_eq!(second.body["results"][0]["node"], "c");
    assert_eq!(second.body["next"], Value::Null);
    let over = server.get(&format!("{path}?after=4000000000")).await;
    assert_eq!(states(&over), [""; 0]);
    let failed = server.get(&format!("{path}?state=failed")).await;
    assert_eq!(statuses(&failed), [404]);
    assert!(fault(&failed.body["results"][0]).contains("gone"));
    for (wrong, status) in [
        ("?state=bogus", 400),
        ("?limit=0", 400),
        ("?after=-1", 400),
        ("?marker=1", 400),
    ] {
        let refused = server.get(&format!("{path}{wrong}")).await;
        assert_eq!(refused.status, status, "{wrong}");
    }
    let list = server.get("/ferric/v1/bulk").await.body;
    assert_eq!(list["requests"][0]["id"], id);
    assert_eq!(list["requests"][0]["nodes"], 4);
    let missing = server.get("/ferric/v1/bulk/nothing").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_repeated_request_is_the_same_request() {
    let server = available(&["a", "b"], 1).await;
    let id = "6f9c2a52-0a3e-4f0e-9a2b-0d6a5b1d2c3f";
    let mut body = deploy(&["a", "b"]);
    body["id"] = json!(id);
    let first = bulk(&server, body.clone()).await;
    body["wait_s"] = json!(60);
    let again = bulk(&server, body.clone()).await;
    assert_eq!(first.body["created_at"], again.body["created_at"]);
    assert_eq!(statuses(&again), [202, 202]);
    body["nodes"] = json!(["a"]);
    let other = server
        .call(Method::POST, "/ferric/v1/nodes/bulk", body)
        .await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(other.fault().contains(id), "{}", other.fault());
    let list = server.get("/ferric/v1/bulk").await.body;
    assert_eq!(list["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_has_not_begun_is_cancelled() {
    let server = available(&["a", "b"], 0).await;
    let mut body = deploy(&["a", "b"]);
    body["wait_s"] = json!(0);
    let answer = bulk(&server, body).await;
    let path = format!("/ferric/v1/bulk/{}", answer.body["id"].as_str().unwrap());
    let cancel = format!("{path}/cancel");
    let cancelled = server.call(Method::POST, &cancel, Value::Null).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.fault());
    assert_eq!(cancelled.body["cancelled"], 2);
    let shown = server.get(&path).await;
    assert_eq!(states(&shown), ["cancelled", "cancelled"]);
    assert_eq!(shown.body["results"][0]["status"], Value::Null);
    assert_eq!(shown.body["done"], 0);
}

/// Nobody is there any more to be answered.
#[tokio::test]
async fn a_client_that_hangs_up_loses_nothing() {
    let server = available(&["a", "b"], 1).await;
    let mut body = deploy(&["a", "b"]);
    body["wait_s"] = json!(600);
    let asked = server.call(Method::POST, "/ferric/v1/nodes/bulk", body);
    let is_stored = async {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let list = server.get("/ferric/v1/bulk").await.body;
            if list["requests"][0]["nodes"] == 2 {
                return;
            }
            assert!(Instant::now() < deadline, "it is not stored: {list}");
            tokio::task::yield_now().await;
        }
    };
    // Whoever loses is dropped, as by the server when its client is gone.
    tokio::select! {
        biased;
        () = is_stored => {}
        _ = asked => {}
    }
    for name in ["a", "b"] {
        reach(&server, name, "active").await;
    }
}

#[tokio::test]
async fn a_config_drive_for_all_is_stored_once() {
    let server = available(&["a", "b", "c"], 0).await;
    let drive = format!("H4sI{}", "QUFB".repeat(1 << 20));
    let mut body = deploy(&["a", "b", "c"]);
    body["defaults"]["configdrive"] = json!(drive);
    body["nodes"][2] = json!({"node": "c", "configdrive": "H4sIQUFC"});
    body["wait_s"] = json!(0);
    let answer = bulk(&server, body).await;
    assert_eq!(statuses(&answer), [202, 202, 202], "{}", answer.body);
    let store = server.conductor.store();
    let items = store.page(&Query::all(Table::BulkItem)).await.unwrap();
    let bytes: usize = items.records.iter().map(|item| item.document.len()).sum();
    assert!(bytes < 10_000, "{bytes}");
}

#[tokio::test]
async fn what_is_too_large_to_be_stored_is_refused_whole() {
    let server = Server::start().await;
    let extra = "x".repeat(1 << 20);
    let defaults =
        json!({"driver": "fake-hardware", "network_interface": "noop", "extra": {"a": extra}});
    let nodes: Vec<Value> = (0..40).map(|_| json!({})).collect();
    let body = json!({"action": "enrol", "nodes": nodes, "defaults": defaults});
    let refused = server
        .call(Method::POST, "/ferric/v1/nodes/bulk", body)
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.fault().contains("several requests"),
        "{}",
        refused.fault()
    );
    let nodes = server.get("/v1/nodes").await.body;
    assert_eq!(nodes["nodes"], json!([]));
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
        (
            json!({"action": "delete", "nodes": ["a"], "id": "x"}),
            "id must be a UUID",
        ),
    ] {
        let refused = server
            .call(Method::POST, "/ferric/v1/nodes/bulk", body.clone())
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused.fault().contains(part), "{}", refused.fault());
    }
}
