//! Allocations as a resource, and as what a node has.

use super::fixture::{Answer, PATIENCE, Server};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_store::{Key, Table, Transaction};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::time::{Instant, sleep};

const PATH: &str = "/v1/allocations";

/// A node that is free, of the class `small`.
async fn free(server: &Server, name: &str) -> String {
    let body = json!({"driver": "fake-hardware", "name": name, "resource_class": "small",
        "network_interface": "noop"});
    let made = server
        .call_in("1.21", Method::POST, "/v1/nodes", body)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    let id = made.body["uuid"].as_str().unwrap().to_owned();
    server
        .provision(&id, json!({"target": "manage"}), "manageable")
        .await;
    edit(server, &id, |node| {
        node.provision_state = State::Available;
    })
    .await;
    id
}

/// Behind the conductor's back.
async fn edit(server: &Server, id: &str, edit: impl FnOnce(&mut Node)) {
    let store = server.conductor.store();
    let key = Key::new(Table::Node, id);
    let record = store.get(&key).await.unwrap().unwrap();
    let mut node = record.decode().unwrap();
    edit(&mut node);
    store.commit(Transaction::new().put(&node)).await.unwrap();
}

async fn made(server: &Server, body: Value) -> Answer {
    let answer = server.call(Method::POST, PATH, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer
}

async fn deleted(server: &Server, path: &str) -> Answer {
    server.call(Method::DELETE, path, Value::Null).await
}

/// The allocation when its worker is done.
async fn ended(server: &Server, ident: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let body = server.get(&format!("{PATH}/{ident}")).await.body;
        if body["state"] != "allocating" {
            return body;
        }
        assert!(Instant::now() < deadline, "no end of {body}");
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn keys(body: &Value) -> BTreeSet<&str> {
    let object = body.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

fn refused(answer: &Answer, status: u16, text: &str) {
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), status, "{text}: {fault}");
    assert!(fault.contains(text), "{fault}");
}

#[tokio::test]
async fn an_allocation_from_its_making_to_its_end() {
    let server = Server::start().await;
    let node = free(&server, "a").await;
    let body = json!({"name": "mine", "resource_class": "small", "extra": {"k": 1},
        "candidate_nodes": ["a"]});
    let answer = made(&server, body).await;
    let id = answer.body["uuid"].as_str().unwrap();
    let path = format!("{PATH}/{id}");
    assert_eq!(answer.headers["location"], format!("http://api{path}"));
    let all = "candidate_nodes created_at extra last_error links name node_uuid owner resource_class state traits \
               updated_at uuid";
    assert_eq!(keys(&answer.body), all.split_whitespace().collect());
    assert_eq!(answer.body["state"], "allocating");
    assert_eq!(answer.body["candidate_nodes"], json!([node]));
    assert_eq!(answer.body["traits"], json!([]));
    let links = json!([
        {"href": format!("http://api{path}"), "rel": "self"},
        {"href": format!("http://api/allocations/{id}"), "rel": "bookmark"},
    ]);
    assert_eq!(answer.body["links"], links);
    let ended = ended(&server, "mine").await;
    assert_eq!(
        (&ended["state"], &ended["last_error"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(ended["node_uuid"], node);
    let shown = server.get("/v1/nodes/a").await.body;
    assert_eq!(
        (&shown["allocation_uuid"], &shown["instance_uuid"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(server.get("/v1/nodes/a/allocation").await.body, ended);
    let other = json!([{"op": "replace", "path": "/instance_uuid", "value": node}]);
    let other = server.call(Method::PATCH, "/v1/nodes/a", other).await;
    refused(&other, 409, "another instance");
    let patch = json!([
        {"op": "replace", "path": "/name", "value": "yours"},
        {"op": "add", "path": "/extra/l", "value": 2},
    ]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.fault());
    assert_eq!(changed.body["name"], "yours");
    assert_eq!(changed.body["extra"], json!({"k": 1, "l": 2}));
    assert_eq!(changed.body["state"], "active");
    let gone = deleted(&server, "/v1/nodes/a/allocation").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    refused(&server.get(&path).await, 404, "could not be found");
    let none = server.get("/v1/nodes/a/allocation").await;
    refused(&none, 404, "Allocation for node a was not found");
    let shown = server.get("/v1/nodes/a").await.body;
    assert_eq!(
        (&shown["allocation_uuid"], &shown["instance_uuid"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn removing_the_instance_of_a_node_removes_its_allocation() {
    let server = Server::start().await;
    free(&server, "a").await;
    made(&server, json!({"name": "mine", "resource_class": "small"})).await;
    assert_eq!(ended(&server, "mine").await["state"], "active");
    let patch = json!([{"op": "remove", "path": "/instance_uuid"}]);
    let freed = server.call(Method::PATCH, "/v1/nodes/a", patch).await;
    assert_eq!(
        freed.body["allocation_uuid"],
        Value::Null,
        "{}",
        freed.fault()
    );
    refused(
        &server.get(&format!("{PATH}/mine")).await,
        404,
        "could not be found",
    );
}

#[tokio::test]
async fn lists_are_filtered_paged_sorted_and_cut_to_fields() {
    let server = Server::start().await;
    free(&server, "a").await;
    made(&server, json!({"name": "c", "resource_class": "small"})).await;
    assert_eq!(ended(&server, "c").await["state"], "active");
    made(
        &server,
        json!({"name": "b", "resource_class": "large", "owner": "p1"}),
    )
    .await;
    let failed = ended(&server, "b").await;
    assert_eq!(failed["state"], "error");
    let text = failed["last_error"].as_str().unwrap();
    assert!(
        text.contains("no available nodes match the resource class large"),
        "{text}"
    );
    made(&server, json!({"name": "d", "resource_class": "large"})).await;
    ended(&server, "d").await;
    let names = async |query: &str| -> Vec<String> {
        let answer = server.get(&format!("{PATH}?{query}")).await;
        let listed = answer.body["allocations"].as_array().cloned();
        let listed = listed.unwrap_or_else(|| panic!("{query}: {}", answer.fault()));
        let names = listed.iter().map(|item| item["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert_eq!(names("").await, ["c", "b", "d"]);
    assert_eq!(names("sort_key=name&sort_dir=desc").await, ["d", "c", "b"]);
    assert_eq!(names("state=error").await, ["b", "d"]);
    assert_eq!(names("resource_class=small").await, ["c"]);
    assert_eq!(names("owner=p1").await, ["b"]);
    assert_eq!(names("node=a").await, ["c"]);
    assert_eq!(names("state=bogus").await, [""; 0]);
    let page = server
        .get(&format!("{PATH}?limit=2&sort_key=name&fields=name"))
        .await;
    assert_eq!(
        keys(&page.body["allocations"][0]),
        "links name".split(' ').collect()
    );
    let next = page.body["next"].as_str().unwrap();
    let rest = server.get(next.strip_prefix("http://api").unwrap()).await;
    assert_eq!(rest.body["allocations"][0]["name"], "d");
    let check = async |query: &str, status: u16, text: &str| {
        let answer = server.get(&format!("{PATH}?{query}")).await;
        refused(&answer, status, text);
    };
    check("sort_key=traits", 400, "traits").await;
    check("sort_key=extra", 400, "extra").await;
    check("fields=bogus", 400, "bogus").await;
    check("detail=true", 400, "detail").await;
    check("node=nobody", 400, "nobody").await;
    check("limit=0", 400, "limit").await;
    check("marker=x", 400, "marker").await;
    check(
        "marker=00000000-0000-0000-0000-000000000000",
        404,
        "could not",
    )
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start().await;
    server.node("a").await;
    let id = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    made(
        &server,
        json!({"uuid": id, "name": "mine", "resource_class": "x"}),
    )
    .await;
    let check = async |change: Value, status: u16, text: &str| {
        let mut body = json!({"resource_class": "x"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = server.call(Method::POST, PATH, body).await;
        refused(&answer, status, text);
    };
    check(json!({"name": "mine"}), 409, "with name mine already").await;
    check(json!({"uuid": id}), 409, "already exists").await;
    check(json!({"uuid": "x"}), 400, "a UUID").await;
    check(json!({"name": "a b"}), 400, "not a name").await;
    check(json!({"name": 1}), 400, "a text").await;
    check(json!({"resource_class": null}), 400, "mandatory").await;
    check(json!({"resource_class": ""}), 400, "mandatory").await;
    check(json!({"resource_class": "x".repeat(81)}), 400, "80").await;
    check(json!({"traits": "CUSTOM_A"}), 400, "traits").await;
    check(json!({"traits": ["bad"]}), 400, "not a trait").await;
    check(json!({"candidate_nodes": "a"}), 400, "a list").await;
    check(json!({"candidate_nodes": [1]}), 400, "neither").await;
    check(json!({"candidate_nodes": ["a", "b"]}), 400, "found: b").await;
    check(json!({"state": "active"}), 400, "state").await;
    check(json!({"node_uuid": id}), 400, "node_uuid").await;
    check(json!({"bogus": 1}), 400, "bogus").await;
    check(json!({"node": "nobody"}), 400, "Node nobody could").await;
    check(json!({"node": 1}), 400, "a text").await;
}

#[tokio::test]
async fn changes_and_paths_that_are_wrong_are_refused() {
    let server = Server::start().await;
    server.node("a").await;
    for name in ["mine", "other"] {
        made(&server, json!({"name": name, "resource_class": "x"})).await;
    }
    let patch = async |path: &str, value: Value, status: u16, text: &str| {
        let body = json!([{"op": "replace", "path": path, "value": value}]);
        let answer = server
            .call(Method::PATCH, &format!("{PATH}/mine"), body)
            .await;
        refused(&answer, status, text);
    };
    patch("/name", json!("other"), 409, "with name other").await;
    patch("/name", json!("a/b"), 400, "not a name").await;
    patch("/resource_class", json!("y"), 400, "cannot be patched").await;
    patch("/owner", json!("y"), 400, "cannot be patched").await;
    refused(
        &server.get(&format!("{PATH}/nobody")).await,
        404,
        "nobody could not",
    );
    refused(
        &server.get(&format!("{PATH}/a%20b")).await,
        400,
        "logical name or UUID",
    );
    refused(
        &server.get("/v1/nodes/nobody/allocation").await,
        400,
        "nobody",
    );
    let gone = deleted(&server, "/v1/nodes/nobody/allocation").await;
    refused(&gone, 404, "nobody");
    let gone = deleted(&server, "/v1/nodes/a/allocation").await;
    refused(&gone, 404, "Allocation for node a was not found");
}

#[tokio::test]
async fn a_node_in_use_gets_one() {
    let server = Server::start().await;
    let node = free(&server, "a").await;
    let backfill = async |more: Value| {
        let mut body = json!({"node": "a"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server.call(Method::POST, PATH, body).await
    };
    refused(
        &backfill(json!({})).await,
        409,
        "must be in the \"active\" state",
    );
    let instance = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    edit(&server, &node, |node| {
        node.provision_state = State::Active;
        node.instance_uuid = Some(instance.parse().unwrap());
    })
    .await;
    let other = json!({"uuid": "6be26c0b-03f2-4d2e-ae87-c02d7f33c781"});
    refused(
        &backfill(other).await,
        409,
        &format!("is associated with instance {instance}"),
    );
    let made = backfill(json!({"name": "mine"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    let expected = (
        &json!(instance),
        &json!("active"),
        &json!("small"),
        &json!(node),
    );
    let body = &made.body;
    let found = (
        &body["uuid"],
        &body["state"],
        &body["resource_class"],
        &body["node_uuid"],
    );
    assert_eq!(found, expected);
    let active = deleted(&server, &format!("{PATH}/mine")).await;
    refused(
        &active,
        409,
        "because the node is active (and maintenance mode is off)",
    );
}

#[tokio::test]
async fn old_versions_know_less() {
    let server = Server::start().await;
    server.node("a").await;
    let owned = json!({"name": "mine", "resource_class": "x", "owner": "p1"});
    made(&server, owned.clone()).await;
    let check = async |version: &str, method: Method, path: &str, body: Value, status: u16| {
        let answer = server.call_in(version, method, path, body).await;
        let fault = answer.fault();
        assert_eq!(answer.status.as_u16(), status, "{version} {path}: {fault}");
    };
    let (one, of_node) = ("/v1/allocations/mine", "/v1/nodes/a/allocation");
    let patch = json!([{"op": "add", "path": "/extra/a", "value": 1}]);
    check("1.51", Method::GET, PATH, Value::Null, 404).await;
    check("1.51", Method::GET, one, Value::Null, 404).await;
    check("1.51", Method::GET, of_node, Value::Null, 404).await;
    check("1.51", Method::DELETE, of_node, Value::Null, 404).await;
    check("1.51", Method::POST, PATH, owned.clone(), 405).await;
    check("1.51", Method::DELETE, one, Value::Null, 405).await;
    check("1.52", Method::GET, one, Value::Null, 200).await;
    check("1.56", Method::PATCH, one, patch.clone(), 405).await;
    check("1.57", Method::PATCH, one, patch, 200).await;
    check("1.57", Method::POST, PATH, json!({"node": "a"}), 400).await;
    check("1.59", Method::POST, PATH, owned, 406).await;
    check(
        "1.59",
        Method::GET,
        "/v1/allocations?owner=p1",
        Value::Null,
        406,
    )
    .await;
    check(
        "1.59",
        Method::GET,
        "/v1/allocations?fields=owner",
        Value::Null,
        406,
    )
    .await;
    let old = server
        .call_in("1.59", Method::GET, one, Value::Null)
        .await
        .body;
    assert_eq!(old.get("owner"), None);
    let new = server
        .call_in("1.60", Method::GET, one, Value::Null)
        .await
        .body;
    assert_eq!(new["owner"], "p1");
}
