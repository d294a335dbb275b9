//! Volume connectors and targets as resources.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CONNECTORS: &str = "/v1/volume/connectors";
const TARGETS: &str = "/v1/volume/targets";

async fn made(server: &Server, path: &str, body: Value) -> Value {
    let answer = server.call(Method::POST, path, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer.body
}

fn connector(node: &str, id: &str) -> Value {
    json!({"node_uuid": node, "type": "iqn", "connector_id": id})
}

fn target(node: &str, boot_index: i64) -> Value {
    json!({"node_uuid": node, "volume_type": "iscsi", "volume_id": "v", "boot_index": boot_index,
        "properties": {"auth_password": "secret", "target_lun": 1}})
}

fn refused(answer: &Answer, status: u16, text: &str) {
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), status, "{fault}");
    assert!(fault.contains(text), "{fault}");
}

/// A node that is off, and known to be.
async fn off(server: &Server, name: &str) -> String {
    let node = server.node(name).await;
    let manage = json!({"target": "manage"});
    server.provision(name, manage, "manageable").await;
    let states = server.get(&format!("/v1/nodes/{name}/states")).await.body;
    assert_eq!(states["power_state"], "power off");
    node
}

#[tokio::test]
async fn what_links_to_them() {
    let server = Server::start().await;
    server.node("a").await;
    let volume = server.get("/v1/volume").await.body;
    assert_eq!(volume["links"][0]["href"], "http://api/v1/volume/");
    let targets = "http://api/v1/volume/targets";
    assert_eq!(volume["targets"][0]["href"], targets);
    let volume = server.get("/v1/nodes/a/volume").await.body;
    let connectors = "http://api/nodes/a/volume/connectors";
    assert_eq!(volume["connectors"][1]["href"], connectors);
    let paths = ["/v1/volume", CONNECTORS, TARGETS].map(str::to_owned);
    let under = ["", "/connectors", "/targets"].map(|rest| format!("/v1/nodes/a/volume{rest}"));
    for path in paths.iter().chain(&under) {
        let status = async |version: &str| {
            let answer = server.call_in(version, Method::GET, path, Value::Null);
            answer.await.status.as_u16()
        };
        assert_eq!(status("1.31").await, 404, "{path}");
        assert_eq!(status("1.32").await, 200, "{path}");
    }
    let detail = format!("{TARGETS}?detail=true");
    let detail = server.call_in("1.32", Method::GET, &detail, Value::Null);
    assert_eq!(detail.await.status, StatusCode::OK);
    let old = server.call_in("1.31", Method::POST, CONNECTORS, json!({}));
    assert_eq!(old.await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_connector_from_its_making_to_its_end() {
    let server = Server::start().await;
    let (first, second) = (off(&server, "a").await, off(&server, "b").await);
    let one = made(&server, CONNECTORS, connector(&first, "x")).await;
    let path = format!("{CONNECTORS}/{}", one["uuid"].as_str().unwrap());
    let href = format!("http://api{path}");
    assert_eq!(one["links"][0]["href"], href);
    let again = server.call(Method::POST, CONNECTORS, connector(&second, "x"));
    let text = "A volume connector with type iqn and connector ID x already exists.";
    refused(&again.await, 409, text);
    let other = made(&server, CONNECTORS, connector(&second, "y")).await;
    let patch = async |field: &str, value: &str| {
        let patch = json!([{"op": "replace", "path": format!("/{field}"), "value": value}]);
        server.call(Method::PATCH, &path, patch).await
    };
    refused(&patch("connector_id", "y").await, 409, "connector ID y");
    refused(&patch("node_uuid", "b").await, 400, "must be a UUID");
    refused(&patch("uuid", &first).await, 400, "cannot be patched");
    let moved = patch("node_uuid", &second).await;
    assert_eq!(
        moved.body["node_uuid"],
        second.as_str(),
        "{}",
        moved.fault()
    );
    let listed = server.get("/v1/nodes/b/volume/connectors").await.body;
    assert_eq!(listed["connectors"].as_array().unwrap().len(), 2);
    let listed = server.get(&format!("{CONNECTORS}?node=a")).await.body;
    assert_eq!(listed, json!({"connectors": []}));
    let page = format!("{CONNECTORS}?sort_key=connector_id&sort_dir=desc&limit=1");
    let page = server.get(&page).await.body;
    assert_eq!(page["connectors"][0]["uuid"], other["uuid"]);
    assert!(
        page["next"]
            .as_str()
            .unwrap()
            .starts_with("http://api/v1/volume/connectors?")
    );
    let gone = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.fault());
    refused(&server.get(&path).await, 404, "volume connector");
}

#[tokio::test]
async fn a_target_keeps_its_secrets_and_its_boot_index() {
    let server = Server::start().await;
    let node = off(&server, "a").await;
    let one = made(&server, TARGETS, target(&node, 0)).await;
    let shown = json!({"auth_password": "******", "target_lun": 1});
    assert_eq!(one["properties"], shown);
    let path = format!("{TARGETS}/{}", one["uuid"].as_str().unwrap());
    let again = server.call(Method::POST, TARGETS, target(&node, 0)).await;
    let text = "A volume target with boot index '0' for the same node already exists.";
    refused(&again, 409, text);
    made(&server, TARGETS, target(&node, 1)).await;
    let patch = async |patch: Value| server.call(Method::PATCH, &path, patch).await;
    let same = json!([{"op": "replace", "path": "/boot_index", "value": 1}]);
    refused(&patch(same).await, 409, "boot index '1'");
    let masked = json!([{"op": "replace", "path": "/properties", "value": shown}]);
    refused(&patch(masked).await, 400, "never stored");
    let lun = json!([{"op": "replace", "path": "/properties/target_lun", "value": 2}]);
    let changed = patch(lun).await;
    assert_eq!(
        changed.body["properties"]["target_lun"],
        2,
        "{}",
        changed.fault()
    );
    let key = ferric_store::Key::new(
        ferric_store::Table::VolumeTarget,
        one["uuid"].as_str().unwrap(),
    );
    let stored = server.conductor.store().get(&key).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&stored.document).contains("secret"));
    let brief = server.get(TARGETS).await.body;
    assert!(brief["targets"][0].get("properties").is_none());
    let check = async |change: Value, status: u16, text: &str| {
        let mut body = target(&node, 2);
        let object = body.as_object_mut().unwrap();
        object.extend(change.as_object().unwrap().clone());
        refused(
            &server.call(Method::POST, TARGETS, body).await,
            status,
            text,
        );
    };
    check(json!({"boot_index": "2"}), 400, "an integer").await;
    check(json!({"node_uuid": "a"}), 400, "must be a UUID").await;
    check(json!({"volume_id": null}), 400, "volume_id").await;
    check(
        json!({"uuid": one["uuid"]}),
        409,
        "A volume target with UUID",
    )
    .await;
    refused(&server.get(&format!("{TARGETS}/detail")).await, 400, "UUID");
    let under = format!("/v1/nodes/a{}", path.replace("/v1", ""));
    refused(&server.get(&under).await, 400, "Malformed request URI");
    let all = server.call(Method::DELETE, TARGETS, Value::Null).await;
    refused(&all, 400, "Missing mandatory parameter: target_uuid");
}

#[tokio::test]
async fn volumes_change_while_the_machine_is_off() {
    let server = Server::start().await;
    let node = off(&server, "a").await;
    let one = made(&server, TARGETS, target(&node, 0)).await;
    let path = format!("{TARGETS}/{}", one["uuid"].as_str().unwrap());
    let provide = json!({"target": "provide"});
    server.provision("a", provide, "available").await;
    let on = json!({"target": "power on"});
    let asked = server
        .call(Method::PUT, "/v1/nodes/a/states/power", on)
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.fault());
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let states = server.get("/v1/nodes/a/states").await.body;
        if states["power_state"] == "power on" && states["target_power_state"].is_null() {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "it stays at {states}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let patch = json!([{"op": "replace", "path": "/volume_id", "value": "w"}]);
    let answer = server.call(Method::PATCH, &path, patch).await;
    refused(&answer, 400, "volume target update");
    let answer = server.call(Method::DELETE, &path, Value::Null).await;
    refused(&answer, 400, "volume target deletion");
}

#[tokio::test]
async fn a_node_takes_what_hangs_on_it_along() {
    let server = Server::start().await;
    let (node, other) = (server.node("a").await, server.node("b").await);
    for node in [&node, &other] {
        made(&server, "/v1/portgroups", json!({"node_uuid": node})).await;
        made(&server, CONNECTORS, connector(node, node)).await;
        made(&server, TARGETS, target(node, 0)).await;
    }
    let gone = server
        .call(Method::DELETE, "/v1/nodes/a", Value::Null)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.fault());
    for (path, list) in [
        ("/v1/portgroups/detail", "portgroups"),
        (CONNECTORS, "connectors"),
        (TARGETS, "targets"),
    ] {
        let body = server.get(path).await.body;
        let left = body[list].as_array().unwrap();
        assert_eq!(left.len(), 1, "{path}");
        assert_eq!(left[0]["node_uuid"], other.as_str(), "{path}");
    }
}
