//! Deploy templates and runbooks as resources.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TEMPLATES: &str = "/v1/deploy_templates";
const RUNBOOKS: &str = "/v1/runbooks";

fn template(name: &str) -> Value {
    let step = json!({"interface": "raid", "step": "apply_configuration", "priority": 90,
        "args": {"raid_config": {}, "bmc_password": "secret"}});
    json!({"name": name, "steps": [step], "extra": {"a": 1}})
}

fn runbook(name: &str) -> Value {
    let step = json!({"interface": "deploy", "step": "erase_devices", "order": 1, "args": {}});
    json!({"name": name, "steps": [step]})
}

async fn made(server: &Server, path: &str, body: Value) -> Answer {
    let answer = server.call(Method::POST, path, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer
}

fn keys(body: &Value) -> BTreeSet<&str> {
    let object = body.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_deploy_template_from_its_making_to_its_end() {
    let server = Server::start().await;
    let answer = made(&server, TEMPLATES, template("CUSTOM_RAID")).await;
    let id = answer.body["uuid"].as_str().unwrap();
    let path = format!("{TEMPLATES}/{id}");
    assert_eq!(answer.headers["location"], format!("http://api{path}"));
    let all = "created_at extra links name steps updated_at uuid";
    assert_eq!(keys(&answer.body), all.split(' ').collect());
    assert_eq!(answer.body["steps"][0]["args"]["bmc_password"], "******");
    let links = json!([
        {"href": format!("http://api{path}"), "rel": "self"},
        {"href": format!("http://api/deploy_templates/{id}"), "rel": "bookmark"},
    ]);
    assert_eq!(answer.body["links"], links);
    let by_name = server.get(&format!("{TEMPLATES}/CUSTOM_RAID")).await;
    assert_eq!(by_name.body, answer.body);
    let patch = json!([
        {"op": "replace", "path": "/steps/0/priority", "value": 95},
        {"op": "add", "path": "/steps/-", "value":
            {"interface": "bios", "step": "factory_reset", "args": {}, "priority": "70"}},
        {"op": "replace", "path": "/name", "value": "CUSTOM_OTHER"},
    ]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.fault());
    assert_eq!(changed.body["name"], "CUSTOM_OTHER");
    assert_eq!(changed.body["steps"][0]["priority"], 95);
    assert_eq!(changed.body["steps"][1]["priority"], 70);
    assert!(!changed.body["updated_at"].is_null());
    // The secret that was never sent again is still there.
    let steps = server.conductor.store();
    let key = ferric_store::Key::new(ferric_store::Table::DeployTemplate, id);
    let stored = steps.get(&key).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&stored.document).contains("secret"));
    let gone = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_are_paged_sorted_and_cut_to_fields() {
    let server = Server::start().await;
    for name in ["CUSTOM_B", "CUSTOM_C", "CUSTOM_A"] {
        made(&server, TEMPLATES, template(name)).await;
        made(&server, RUNBOOKS, runbook(name)).await;
    }
    for (path, list) in [(TEMPLATES, "deploy_templates"), (RUNBOOKS, "runbooks")] {
        let page = server.get(&format!("{path}?limit=2&sort_key=name")).await;
        let names = |body: &Value| -> Vec<String> {
            let items = body[list].as_array().unwrap().iter();
            items
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(&page.body), ["CUSTOM_A", "CUSTOM_B"]);
        let brief = "links name uuid".split(' ').collect();
        assert_eq!(keys(&page.body[list][0]), brief);
        let next = page.body["next"].as_str().unwrap();
        let rest = server.get(next.strip_prefix("http://api").unwrap()).await;
        assert_eq!(names(&rest.body), ["CUSTOM_C"]);
        let detail = server.get(&format!("{path}?detail=true")).await;
        assert!(detail.body[list][0]["steps"].is_array());
        let one = server.get(&format!("{path}/CUSTOM_A?fields=extra")).await;
        assert_eq!(keys(&one.body), "extra links".split(' ').collect());
        let check = async |query: &str, status: u16| {
            let answer = server.get(&format!("{path}?{query}")).await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{query}: {}",
                answer.fault()
            );
        };
        check("sort_key=steps", 400).await;
        check("fields=bogus", 400).await;
        check("fields=name&detail=true", 400).await;
        check("bogus=1", 400).await;
        check("limit=0", 400).await;
        check("marker=00000000-0000-0000-0000-000000000000", 404).await;
        check("sort_key=created_at&sort_dir=desc", 200).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start().await;
    made(&server, TEMPLATES, template("CUSTOM_A")).await;
    made(&server, RUNBOOKS, runbook("CUSTOM_A")).await;
    let check = async |path: &str, change: Value, status: u16, text: &str| {
        let mut body = if path == TEMPLATES {
            template("CUSTOM_B")
        } else {
            runbook("CUSTOM_B")
        };
        for (key, value) in change.as_object().unwrap() {
            if value == "absent" {
                body.as_object_mut().unwrap().remove(key);
            } else {
                body[key] = value.clone();
            }
        }
        let answer = server.call(Method::POST, path, body).await;
        let fault = answer.fault();
        assert_eq!(answer.status.as_u16(), status, "{change}: {fault}");
        assert!(fault.contains(text), "{fault}");
    };
    for path in [TEMPLATES, RUNBOOKS] {
        check(path, json!({"name": "CUSTOM_A"}), 409, "with name CUSTOM_A").await;
        check(path, json!({"name": "absent"}), 400, "name must be there").await;
        check(path, json!({"steps": "absent"}), 400, "steps must be there").await;
        check(path, json!({"steps": []}), 400, "at least one").await;
        check(path, json!({"extra": 1}), 400, "extra must be an object").await;
        check(path, json!({"bogus": 1}), 400, "bogus is not a field").await;
        check(path, json!({"uuid": "x"}), 400, "a UUID").await;
        check(path, json!({"name": "a name"}), 400, "a name").await;
        let steps = json!([{"interface": "raid", "step": "a", "args": {"password": "******"},
            "priority": 1, "order": 1}]);
        check(path, json!({"steps": steps}), 400, "never stored").await;
    }
    check(TEMPLATES, json!({"name": "wipe"}), 400, "not a trait").await;
    check(TEMPLATES, json!({"public": true}), 400, "public is not").await;
    let owned = json!({"public": true, "owner": "me"});
    check(RUNBOOKS, owned, 400, "either public").await;
    let patch = json!([{"op": "remove", "path": "/steps"}]);
    let path = format!("{TEMPLATES}/CUSTOM_A");
    let answer = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let patch = json!([{"op": "add", "path": "/traits", "value": ["CUSTOM_X"]}]);
    let path = format!("{RUNBOOKS}/CUSTOM_A");
    let answer = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_runbook_is_public_or_has_an_owner() {
    let server = Server::start().await;
    let mut body = runbook("wipe-all");
    body["owner"] = json!("me");
    body["description"] = json!("wipes");
    let answer = made(&server, RUNBOOKS, body).await;
    let all = "created_at description disable_ramdisk extra links name owner public steps traits \
               updated_at uuid";
    assert_eq!(keys(&answer.body), all.split_whitespace().collect());
    assert_eq!(answer.body["owner"], "me");
    let path = format!("{RUNBOOKS}/wipe-all");
    let patch = json!([{"op": "replace", "path": "/public", "value": true}]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(changed.body["public"], true);
    assert!(changed.body["owner"].is_null());
    let patch = json!([{"op": "replace", "path": "/owner", "value": "you"}]);
    let refused = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn old_versions_know_neither() {
    let server = Server::start().await;
    made(&server, TEMPLATES, template("CUSTOM_A")).await;
    made(&server, RUNBOOKS, runbook("CUSTOM_A")).await;
    let check = async |minor: u16, method: Method, path: &str, body: Value, status: u16| {
        let version = format!("1.{minor}");
        let answer = server.call_in(&version, method.clone(), path, body).await;
        let found = answer.status.as_u16();
        assert_eq!(
            found,
            status,
            "1.{minor} {method} {path}: {}",
            answer.fault()
        );
    };
    for (path, since, body) in [
        (TEMPLATES, 55, template("CUSTOM_B")),
        (RUNBOOKS, 92, runbook("CUSTOM_B")),
    ] {
        let one = format!("{path}/CUSTOM_A");
        check(since - 1, Method::GET, path, Value::Null, 404).await;
        check(since - 1, Method::GET, &one, Value::Null, 404).await;
        check(since - 1, Method::POST, path, body.clone(), 405).await;
        check(since - 1, Method::PATCH, &one, json!([]), 405).await;
        check(since - 1, Method::DELETE, &one, Value::Null, 405).await;
        check(since, Method::GET, &one, Value::Null, 200).await;
        check(since, Method::POST, path, body, 201).await;
        check(since, Method::DELETE, &one, Value::Null, 204).await;
    }
    let described = json!({"name": "CUSTOM_C", "steps": runbook("x")["steps"], "description": "d"});
    check(111, Method::POST, RUNBOOKS, described, 406).await;
    check(111, Method::POST, RUNBOOKS, runbook("wipe"), 400).await;
    check(112, Method::POST, RUNBOOKS, runbook("wipe"), 201).await;
    let old = server
        .call_in("1.111", Method::GET, "/v1/runbooks/wipe", Value::Null)
        .await;
    assert!(!keys(&old.body).contains("traits"));
    check(
        111,
        Method::GET,
        "/v1/runbooks/wipe/traits",
        Value::Null,
        404,
    )
    .await;
    let traits = json!({"traits": []});
    check(111, Method::PUT, "/v1/runbooks/wipe/traits", traits, 405).await;
}

#[tokio::test]
async fn traits_of_a_runbook() {
    let server = Server::start().await;
    made(&server, RUNBOOKS, runbook("wipe")).await;
    let path = format!("{RUNBOOKS}/wipe/traits");
    let call = async |method: Method, path: &str, body: Value, status: u16| {
        let answer = server.call(method, path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.fault());
        answer
    };
    let two = json!({"traits": ["CUSTOM_A", "CUSTOM_B", "CUSTOM_A"]});
    call(Method::PUT, &path, two, 204).await;
    let added = call(Method::PUT, &format!("{path}/CUSTOM_C"), Value::Null, 204).await;
    assert_eq!(
        added.headers["location"],
        format!("http://api{path}/CUSTOM_C")
    );
    call(
        Method::DELETE,
        &format!("{path}/CUSTOM_A"),
        Value::Null,
        204,
    )
    .await;
    call(
        Method::DELETE,
        &format!("{path}/CUSTOM_A"),
        Value::Null,
        404,
    )
    .await;
    let listed = call(Method::GET, &path, Value::Null, 200).await;
    assert_eq!(listed.body, json!({"traits": ["CUSTOM_B", "CUSTOM_C"]}));
    let shown = server.get(&format!("{RUNBOOKS}/wipe")).await;
    assert_eq!(shown.body["traits"], listed.body["traits"]);
    call(Method::PUT, &path, json!({"traits": ["x"]}), 400).await;
    call(Method::PUT, &path, json!({"bogus": []}), 400).await;
    let many: Vec<_> = (0..51).map(|number| format!("CUSTOM_{number}")).collect();
    call(Method::PUT, &path, json!({"traits": many}), 400).await;
    call(Method::DELETE, &path, Value::Null, 204).await;
    let listed = call(Method::GET, &path, Value::Null, 200).await;
    assert_eq!(listed.body, json!({"traits": []}));
}
