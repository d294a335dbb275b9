//! Inspection rules as resources.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATH: &str = "/v1/inspection_rules";

fn rule() -> Value {
    json!({
        "description": "refuses small machines",
        "priority": 100,
        "conditions": [{"op": "lt", "args": {"values": ["{inventory[cpu][count]}", 4]}}],
        "actions": [{"op": "fail", "args": {"msg": "too few CPUs"}}],
    })
}

async fn made(server: &Server, body: Value) -> Answer {
    let answer = server.call(Method::POST, PATH, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer
}

fn with(change: &Value) -> Value {
    let mut body = rule();
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn keys(body: &Value) -> BTreeSet<&str> {
    let object = body.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_rule_from_its_making_to_its_end() {
    let server = Server::start().await;
    let answer = made(&server, rule()).await;
    let id = answer.body["uuid"].as_str().unwrap();
    let path = format!("{PATH}/{id}");
    assert_eq!(answer.headers["location"], format!("http://api{path}"));
    let all =
        "actions conditions created_at description links phase priority sensitive updated_at uuid";
    assert_eq!(keys(&answer.body), all.split(' ').collect());
    assert_eq!(
        (&answer.body["phase"], &answer.body["sensitive"]),
        (&json!("main"), &json!(false))
    );
    assert_eq!(answer.body["conditions"], rule()["conditions"]);
    let links = json!([
        {"href": format!("http://api{path}"), "rel": "self"},
        {"href": format!("http://api/inspection_rules/{id}"), "rel": "bookmark"},
    ]);
    assert_eq!(answer.body["links"], links);
    assert_eq!(server.get(&path).await.body, answer.body);
    let patch = json!([
        {"op": "replace", "path": "/priority", "value": 7},
        {"op": "remove", "path": "/description"},
        {"op": "add", "path": "/conditions/-", "value":
            {"op": "!eq", "args": {"values": ["{item}", 1]}, "loop": [1, 2], "other": 1}},
        {"op": "replace", "path": "/actions/0/args/msg", "value": "no"},
    ]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.fault());
    assert_eq!(
        (&changed.body["priority"], &changed.body["description"]),
        (&json!(7), &json!(null))
    );
    let condition =
        json!({"op": "!eq", "args": {"values": ["{item}", 1]}, "loop": [1, 2], "multiple": "any"});
    assert_eq!(changed.body["conditions"][1], condition);
    assert_eq!(changed.body["actions"][0]["args"]["msg"], "no");
    assert!(!changed.body["updated_at"].is_null());
    let gone = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        let answer = server.call(method, &path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_sensitive_rule_is_never_shown_again() {
    let server = Server::start().await;
    let answer = made(&server, with(&json!({"sensitive": true}))).await;
    let path = format!("{PATH}/{}", answer.body["uuid"].as_str().unwrap());
    let list = server.get(&format!("{PATH}?detail=true")).await;
    let one = server
        .get(&format!("{path}?fields=actions,conditions"))
        .await;
    for shown in [&answer.body, &list.body["inspection_rules"][0], &one.body] {
        assert!(
            shown["actions"].is_null() && shown["conditions"].is_null(),
            "{shown}"
        );
    }
    for patch in [
        json!([{"op": "replace", "path": "/sensitive", "value": false}]),
        json!([{"op": "remove", "path": "/sensitive"}]),
    ] {
        let refused = server.call(Method::PATCH, &path, patch).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.fault().contains("stays so"), "{}", refused.fault());
    }
    let patch = json!([{"op": "replace", "path": "/priority", "value": 5}]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(
        (changed.status, &changed.body["actions"]),
        (StatusCode::OK, &json!(null))
    );
}

#[tokio::test]
async fn lists_are_paged_sorted_and_cut_to_fields() {
    let server = Server::start().await;
    for priority in [5, 20, 10] {
        made(&server, with(&json!({"priority": priority}))).await;
    }
    let priorities = |body: &Value| -> Vec<i64> {
        let items = body["inspection_rules"].as_array().unwrap().iter();
        items
            .map(|item| item["priority"].as_i64().unwrap())
            .collect()
    };
    let page = server
        .get(&format!("{PATH}?limit=2&sort_key=priority"))
        .await;
    assert_eq!(priorities(&page.body), [5, 10]);
    let brief = "description links phase priority uuid".split(' ').collect();
    assert_eq!(keys(&page.body["inspection_rules"][0]), brief);
    let next = page.body["next"].as_str().unwrap();
    let rest = server.get(next.strip_prefix("http://api").unwrap()).await;
    assert_eq!(priorities(&rest.body), [20]);
    let main = server.get(&format!("{PATH}?phase=main")).await;
    assert_eq!(priorities(&main.body), [5, 20, 10]);
    let other = server.get(&format!("{PATH}?phase=late")).await;
    assert!(priorities(&other.body).is_empty());
    for (query, status) in [
        ("sort_key=actions", 400),
        ("sort_key=conditions", 400),
        ("sort_key=created_at&sort_dir=desc", 200),
        ("fields=bogus", 400),
        ("fields=uuid&detail=true", 400),
        ("bogus=1", 400),
        ("limit=-1", 400),
        ("marker=00000000-0000-0000-0000-000000000000", 404),
    ] {
        let answer = server.get(&format!("{PATH}?{query}")).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{query}: {}",
            answer.fault()
        );
    }
    let gone = server.call(Method::DELETE, PATH, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(priorities(&server.get(PATH).await.body).is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start().await;
    let refused = async |change: Value, text: &str| {
        let answer = server.call(Method::POST, PATH, with(&change)).await;
        let fault = answer.fault();
        assert_eq!(answer.status.as_u16(), 400, "{change}: {fault}");
        assert!(fault.contains(text), "{fault}");
    };
    refused(json!({"actions": []}), "at least one").await;
    refused(
        json!({"actions": [{"op": "boom", "args": {}}]}),
        "action 0: \"boom\" is not an action",
    )
    .await;
    refused(
        json!({"actions": [{"op": "fail", "args": {}}]}),
        "missing required arguments: msg",
    )
    .await;
    refused(
        json!({"conditions": [{"op": "le", "args": {}}]}),
        "condition 0: \"le\"",
    )
    .await;
    refused(json!({"conditions": null}), "a list").await;
    refused(json!({"priority": -1}), "from 0 to 9999").await;
    refused(json!({"priority": 10000}), "from 0 to 9999").await;
    refused(json!({"phase": "early"}), "not a phase").await;
    refused(json!({"phase": null}), "not a phase").await;
    refused(json!({"sensitive": "yes"}), "true or false").await;
    refused(json!({"description": "x".repeat(256)}), "at most 255").await;
    refused(json!({"uuid": "dell"}), "a UUID").await;
    refused(json!({"scope": "x"}), "scope is not a field").await;
    let answer = server.call(Method::POST, PATH, json!({})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = made(&server, with(&json!({"sensitive": null, "uuid": null}))).await;
    let id = answer.body["uuid"].as_str().unwrap();
    let twice = server
        .call(Method::POST, PATH, with(&json!({"uuid": id})))
        .await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let path = format!("{PATH}/{id}");
    for patch in [
        json!([{"op": "remove", "path": "/actions"}]),
        json!([{"op": "remove", "path": "/actions/0"}]),
        json!([{"op": "add", "path": "/phase", "value": "early"}]),
        json!([{"op": "add", "path": "/uuid", "value": id}]),
        json!([{"op": "add", "path": "/sensitive", "value": "yes"}]),
        json!([{"op": "add", "path": "/conditions/-", "value": {"op": "eq"}}]),
    ] {
        let answer = server.call(Method::PATCH, &path, patch.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{patch}");
    }
    let unnamed = server.get(&format!("{PATH}/dell")).await;
    assert_eq!(unnamed.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn old_versions_know_no_rules() {
    let server = Server::start().await;
    let id = made(&server, rule()).await.body["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = format!("{PATH}/{id}");
    for (method, path, body, old, new) in [
        (Method::GET, PATH, Value::Null, 404, 200),
        (Method::GET, &one, Value::Null, 404, 200),
        (Method::POST, PATH, rule(), 405, 201),
        (Method::PATCH, &one, json!([]), 405, 200),
        (Method::DELETE, &one, Value::Null, 405, 204),
        (Method::DELETE, PATH, Value::Null, 405, 204),
    ] {
        for (version, status) in [("1.95", old), ("1.96", new)] {
            let answer = server
                .call_in(version, method.clone(), path, body.clone())
                .await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{version} {method} {path}: {}",
                answer.fault()
            );
        }
    }
}
