//! Chassis as resources, and the nodes in them.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CHASSIS: &str = "/v1/chassis";

async fn made(server: &Server, body: Value) -> Value {
    let answer = server.call(Method::POST, CHASSIS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer.body
}

fn id(chassis: &Value) -> &str {
    chassis["uuid"].as_str().unwrap()
}

fn refused(answer: &Answer, status: u16, text: &str) {
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), status, "{fault}");
    assert!(fault.contains(text), "{fault}");
}

#[tokio::test]
async fn a_chassis_from_its_making_to_its_end() {
    let server = Server::start().await;
    let body = json!({"description": "rack 1", "extra": {"a": 1}});
    let answer = server.call_in("1.1", Method::POST, CHASSIS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    let chassis = answer.body;
    let path = format!("{CHASSIS}/{}", id(&chassis));
    assert_eq!(answer.headers["location"], format!("http://api{path}"));
    let nodes = format!("http://api{path}/nodes");
    assert_eq!(chassis["nodes"][0][0]["href"], nodes);
    let patch = json!([
        {"op": "replace", "path": "/description", "value": "rack 2"},
        {"op": "remove", "path": "/extra"},
    ]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(changed.body["description"], "rack 2", "{}", changed.fault());
    assert_eq!(changed.body["extra"], json!({}));
    assert_eq!(server.get(&path).await.body, changed.body);
    let list = server.get(CHASSIS).await.body;
    let brief =
        json!({"uuid": chassis["uuid"], "description": "rack 2", "links": chassis["links"]});
    assert_eq!(list, json!({"chassis": [brief]}));
    let detail = server.get(&format!("{CHASSIS}/detail")).await.body;
    assert_eq!(detail, json!({"chassis": [changed.body]}));
    let gone = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    refused(&server.get(&path).await, 404, "chassis");
    let again = server.call(Method::DELETE, &path, Value::Null).await;
    refused(&again, 404, "chassis");
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start().await;
    let chassis = made(&server, json!({})).await;
    let check = async |body: Value, status: u16, text: &str| {
        refused(
            &server.call(Method::POST, CHASSIS, body).await,
            status,
            text,
        );
    };
    check(json!({"uuid": "x"}), 400, "a UUID").await;
    let exists = "A chassis with UUID";
    check(json!({"uuid": id(&chassis)}), 409, exists).await;
    let long = "x".repeat(256);
    check(json!({"description": long}), 400, "at most 255").await;
    check(json!({"bogus": 1}), 400, "bogus").await;
    refused(&server.get(&format!("{CHASSIS}/rack")).await, 400, "UUID");
    let path = format!("{CHASSIS}/{}", id(&chassis));
    let fields = server
        .call_in(
            "1.7",
            Method::GET,
            &format!("{path}?fields=uuid"),
            Value::Null,
        )
        .await;
    assert_eq!(fields.status, StatusCode::NOT_ACCEPTABLE);
    let fields = server.get(&format!("{path}?fields=nodes")).await.body;
    assert_eq!(fields.as_object().unwrap().len(), 2);
    let sorted = server.get(&format!("{CHASSIS}?sort_key=extra")).await;
    assert_eq!(sorted.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nodes_sit_in_a_chassis() {
    let server = Server::start().await;
    let first = made(&server, json!({})).await;
    let second = made(&server, json!({})).await;
    server.node("b").await;
    let body = json!({"driver": "fake-hardware", "name": "a", "chassis_uuid": first["uuid"]});
    let node = server.call(Method::POST, "/v1/nodes", body).await;
    assert_eq!(node.body["chassis_uuid"], first["uuid"], "{}", node.fault());
    let missing = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    let body = json!({"driver": "fake-hardware", "chassis_uuid": missing});
    let answer = server.call(Method::POST, "/v1/nodes", body).await;
    refused(&answer, 400, missing);
    let names = async |path: String| {
        let body = server.get(&path).await.body;
        let nodes = body["nodes"].as_array().unwrap().iter();
        let names: Vec<_> = nodes.map(|node| node["name"].clone()).collect();
        names
    };
    let under = |chassis: &Value| format!("{CHASSIS}/{}/nodes", id(chassis));
    assert_eq!(names(under(&first)).await, ["a"]);
    assert!(names(under(&second)).await.is_empty());
    assert_eq!(names(format!("{}/detail", under(&first))).await, ["a"]);
    let filter = format!("/v1/nodes?chassis_uuid={}", id(&first));
    assert_eq!(names(filter).await, ["a"]);
    let answer = server
        .get(&format!("/v1/nodes?chassis_uuid={missing}"))
        .await;
    refused(&answer, 404, missing);
    let answer = server.get(&format!("{CHASSIS}/{missing}/nodes")).await;
    refused(&answer, 404, missing);
    let path = format!("{CHASSIS}/{}", id(&first));
    let delete = async || server.call(Method::DELETE, &path, Value::Null).await;
    refused(&delete().await, 400, "contains nodes");
    let moved = json!([{"op": "replace", "path": "/chassis_uuid", "value": second["uuid"]}]);
    let moved = server.call(Method::PATCH, "/v1/nodes/a", moved).await;
    assert_eq!(
        moved.body["chassis_uuid"],
        second["uuid"],
        "{}",
        moved.fault()
    );
    assert_eq!(delete().await.status, StatusCode::NO_CONTENT);
    let remove = json!([{"op": "remove", "path": "/chassis_uuid"}]);
    let old = server
        .call_in("1.24", Method::PATCH, "/v1/nodes/a", remove.clone())
        .await;
    assert_eq!(old.status, StatusCode::NOT_ACCEPTABLE, "{}", old.fault());
    let removed = server.call(Method::PATCH, "/v1/nodes/a", remove).await;
    assert!(
        removed.body["chassis_uuid"].is_null(),
        "{}",
        removed.fault()
    );
}
