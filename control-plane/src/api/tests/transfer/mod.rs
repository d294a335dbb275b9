//! Records of one server, imported into another one.

mod refusals;

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const KINDS: [&str; 11] = [
    "chassis",
    "node",
    "portgroup",
    "port",
    "volume_connector",
    "volume_target",
    "inventory",
    "allocation",
    "deploy_template",
    "runbook",
    "inspection_rule",
];

async fn made(server: &Server, path: &str, body: Value) -> String {
    let answer = server
        .call(Method::POST, &format!("/v1/{path}"), body)
        .await;
    assert_eq!(
        answer.status,
        StatusCode::CREATED,
        "{path}: {}",
        answer.fault()
    );
    answer.body["uuid"].as_str().unwrap().to_owned()
}

/// A server with something of most kinds; the UUID of its node with secrets.
async fn filled() -> (Server, String) {
    let server = Server::start().await;
    let chassis = made(&server, "chassis", json!({"description": "rack"})).await;
    let node = made(
        &server,
        "nodes",
        json!({"driver": "fake-hardware", "name": "n", "network_interface": "noop", "chassis_uuid": chassis,
            "driver_info": {"password": "hush", "inner": {"token": "hush", "n": 1}, "address": "a",
                "kernel_append_params": "nofb token=hush x=1"},
            "instance_info": {"configdrive": "hush", "image_source": "http://i?token=hush"}, "resource_class": "small"}),
    )
    .await;
    let group = made(
        &server,
        "portgroups",
        json!({"node_uuid": node, "name": "g"}),
    )
    .await;
    let port = json!({"node_uuid": node, "address": "52:54:00:00:00:01", "portgroup_uuid": group});
    made(&server, "ports", port).await;
    let connector = json!({"node_uuid": node, "type": "iqn", "connector_id": "i"});
    made(&server, "volume/connectors", connector).await;
    let target = json!({"node_uuid": node, "volume_type": "iscsi", "boot_index": 0, "volume_id": "v",
        "properties": {"auth_password": "hush"}});
    made(&server, "volume/targets", target).await;
    let steps =
        json!([{"interface": "deploy", "step": "x", "args": {"token": "hush"}, "priority": 1}]);
    let template = json!({"name": "CUSTOM_A", "steps": steps});
    made(&server, "deploy_templates", template).await;
    let steps = json!([{"interface": "deploy", "step": "x", "args": {}, "order": 1}]);
    made(
        &server,
        "runbooks",
        json!({"name": "CUSTOM_B", "steps": steps}),
    )
    .await;
    let actions = json!([{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}}]);
    let rule = json!({"sensitive": true, "actions": actions});
    made(&server, "inspection_rules", rule).await;
    for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("n", json!({"target": target}), ends).await;
    }
    let spare = server.node("spare").await;
    let reason = json!({"reason": "a fan is broken"});
    let path = format!("/v1/nodes/{spare}/maintenance");
    server.call(Method::PUT, &path, reason).await;
    (server, node)
}

/// Every record, in pages of two.
async fn exported(server: &Server, secrets: bool) -> Vec<Value> {
    let mut records = Vec::new();
    for kind in KINDS {
        let mut marker = String::new();
        loop {
            let path = format!("/ferric/v1/export?kind={kind}&limit=2&secrets={secrets}{marker}");
            let page = server.get(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.fault());
            records.extend(page.body["records"].as_array().unwrap().iter().cloned());
            match page.body["next"].as_str() {
                Some(next) => marker = format!("&marker={next}"),
                None => break,
            }
        }
    }
    records
}

async fn imported(server: &Server, body: Value) -> Answer {
    let answer = server.call(Method::POST, "/ferric/v1/import", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    answer
}

/// What became of each.
fn outcomes(answer: &Answer) -> Vec<&str> {
    let results = answer.body["results"].as_array().unwrap().iter();
    results
        .map(|result| result["outcome"].as_str().unwrap())
        .collect()
}

/// The sentences of those that were refused.
fn faults(answer: &Answer) -> Vec<String> {
    let results = answer.body["results"].as_array().unwrap().iter();
    let texts = results.filter_map(|result| result["error_message"].as_str());
    let sentence = |text: &str| {
        let inner: Value = serde_json::from_str(text).unwrap();
        inner["faultstring"].as_str().unwrap().to_owned()
    };
    texts.map(sentence).collect()
}

async fn check_same(one: &Server, other: &Server, path: &str) {
    let (mut one, mut other) = (one.get(path).await, other.get(path).await);
    assert_eq!(one.status, StatusCode::OK, "{path}");
    for body in [&mut one.body, &mut other.body] {
        for node in body["nodes"].as_array_mut().into_iter().flatten() {
            node.as_object_mut().unwrap().remove("updated_at");
        }
    }
    assert_eq!(one.body, other.body, "{path}");
}

#[tokio::test]
async fn what_is_exported_with_its_secrets_is_the_same_elsewhere() {
    let (server, _) = filled().await;
    let records = exported(&server, true).await;
    let header = server.get("/ferric/v1/export").await.body;
    let counts = header["counts"].as_object().unwrap().values();
    let counted: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(
        (header["format"].clone(), counted),
        (json!(1), records.len() as u64)
    );
    let other = Server::start().await;
    let first = imported(&other, json!({"records": records})).await;
    assert!(
        outcomes(&first).iter().all(|outcome| *outcome == "created"),
        "{}",
        first.body
    );
    for path in [
        "/v1/chassis/detail",
        "/v1/nodes/detail",
        "/v1/portgroups/detail",
        "/v1/ports/detail",
        "/v1/volume/connectors?detail=True",
        "/v1/volume/targets?detail=True",
        "/v1/deploy_templates?detail=True",
        "/v1/runbooks?detail=True",
        "/v1/inspection_rules?detail=True",
    ] {
        check_same(&server, &other, path).await;
    }
    let again = imported(&other, json!({"records": records})).await;
    assert!(
        outcomes(&again).iter().all(|outcome| *outcome == "present"),
        "{}",
        again.body
    );
    let whole = exported(&other, true).await;
    let text = serde_json::to_string(&whole).unwrap();
    assert!(
        !text.contains("******") && text.matches("hush").count() >= 4,
        "{text}"
    );
    // A machine that came with its state goes on from there.
    other
        .provision("n", json!({"target": "manage"}), "manageable")
        .await;
}

async fn is_held_back(server: &Server) {
    let held = server.get("/v1/nodes/n").await.body;
    assert_eq!(held["maintenance"], true);
    assert_eq!(
        held["driver_info"],
        json!({"inner": {"n": 1}, "address": "a"})
    );
    let reason = held["maintenance_reason"].as_str().unwrap();
    assert!(
        reason.starts_with("imported without driver_info/password"),
        "{reason}"
    );
}

#[tokio::test]
async fn without_its_secrets_a_node_is_kept_in_maintenance_until_they_come() {
    let (server, node) = filled().await;
    let (shown, whole) = (
        exported(&server, false).await,
        exported(&server, true).await,
    );
    assert!(!serde_json::to_string(&shown).unwrap().contains("hush"));
    let other = Server::start().await;
    let first = imported(&other, json!({"records": shown})).await;
    let results = first.body["results"].as_array().unwrap();
    let result = results
        .iter()
        .find(|result| result["uuid"] == node)
        .unwrap();
    assert_eq!(result["outcome"], "created");
    let missing = json!([
        "driver_info/password",
        "driver_info/inner/token",
        "driver_info/kernel_append_params",
        "instance_info/configdrive",
        "instance_info/image_source"
    ]);
    assert_eq!(result["missing"], missing);
    let faults = faults(&first);
    assert_eq!(faults.len(), 3, "target, template and rule: {faults:?}");
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("asterisks are never stored")),
        "{faults:?}"
    );
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("conditions and actions")),
        "{faults:?}"
    );
    is_held_back(&other).await;
    // The same again is no news, and takes nothing away.
    let again = imported(&other, json!({"records": shown})).await;
    assert!(!outcomes(&again).contains(&"created"), "{}", again.body);
    let completed = imported(&other, json!({"records": whole})).await;
    let of_node = outcomes(&completed)
        .iter()
        .filter(|outcome| **outcome == "completed")
        .count();
    assert_eq!(of_node, 1, "{}", completed.body);
    let free = other.get("/v1/nodes/n").await.body;
    assert_eq!(
        (
            free["maintenance"].clone(),
            free["maintenance_reason"].clone()
        ),
        (json!(false), Value::Null)
    );
    assert_eq!(free["driver_info"]["password"], "******");
    // What was shown first says nothing against it, and nothing is in want of what the store has.
    let again = imported(&other, json!({"records": shown})).await;
    let results = again.body["results"].as_array().unwrap();
    for result in results {
        assert_eq!(result["outcome"], "present", "{result}");
        assert_eq!(result["missing"], Value::Null, "{result}");
    }
    check_same(&server, &other, "/v1/nodes/detail").await;
}

/// It is in want of nothing, and nothing holds it back any more.
#[tokio::test]
async fn a_node_whose_secrets_an_operator_gave_it_is_completed() {
    let (server, _) = filled().await;
    let shown = exported(&server, false).await;
    let third = Server::start().await;
    imported(&third, json!({"records": shown})).await;
    let given = [
        ("/driver_info/password", json!("hush")),
        ("/driver_info/inner/token", json!("hush")),
        (
            "/driver_info/kernel_append_params",
            json!("nofb token=hush x=1"),
        ),
        ("/instance_info/configdrive", json!("hush")),
        ("/instance_info/image_source", json!("http://i?token=hush")),
    ];
    let given = given.map(|(path, value)| json!({"op": "add", "path": path, "value": value}));
    let patched = third.call(Method::PATCH, "/v1/nodes/n", json!(given)).await;
    assert_eq!(patched.status, StatusCode::OK, "{}", patched.fault());
    let completed = imported(&third, json!({"records": shown})).await;
    assert!(
        outcomes(&completed).contains(&"completed"),
        "{}",
        completed.body
    );
    check_same(&server, &third, "/v1/nodes/detail").await;
}

#[tokio::test]
async fn what_differs_is_refused_and_left_as_it_is() {
    let (server, node) = filled().await;
    let records = exported(&server, true).await;
    let patch = json!([{"op": "add", "path": "/extra/mine", "value": 1}]);
    let path = format!("/v1/nodes/{node}");
    server.call(Method::PATCH, &path, patch).await;
    let answer = imported(&server, json!({"records": records})).await;
    let faults = faults(&answer);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("differs in extra"), "{}", faults[0]);
    assert_eq!(server.get(&path).await.body["extra"], json!({"mine": 1}));
}
