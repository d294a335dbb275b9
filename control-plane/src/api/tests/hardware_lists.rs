//! BIOS settings and firmware as they were read from the machine: when they are there, in which form, and for whom.

use super::fixture::{Answer, Server};
use super::nodes::refused;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const BIOS: &str = "/v1/nodes/a/bios";
const FIRMWARE: &str = "/v1/nodes/a/firmware";

/// With a node of the fake hardware that was verified.
async fn managed() -> (Server, String) {
    let server = Server::start().await;
    let node = server.node("a").await;
    let manage = json!({"target": "manage"});
    server.provision(&node, manage, "manageable").await;
    (server, node)
}

fn step(interface: &str, step: &str, settings: &Value) -> Value {
    json!({"interface": interface, "step": step, "args": {"settings": settings}})
}

async fn get(server: &Server, version: &str, path: &str) -> Answer {
    server
        .call_in(version, Method::GET, path, Value::Null)
        .await
}

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn settings_are_there_once_the_machine_was_verified() {
    let server = Server::start().await;
    let node = server.node("a").await;
    assert_eq!(server.get(BIOS).await.body, json!({"bios": []}));
    let manage = json!({"target": "manage"});
    server.provision(&node, manage, "manageable").await;
    let list = server.get(BIOS).await.body["bios"].clone();
    let names = list.as_array().unwrap().iter().map(|one| &one["name"]);
    let expected = ["BootMode", "MemTest", "NumLock", "ProcTurboMode"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let brief = &list[2];
    let expected = ["created_at", "updated_at", "name", "value", "links"];
    assert_eq!(keys(brief), expected);
    assert_eq!(
        (&brief["value"], &brief["updated_at"]),
        (&json!("On"), &Value::Null)
    );
    let link = "http://api/v1/nodes/a/bios/NumLock";
    assert_eq!(brief["links"][0]["href"], link);
    let one = server.get("/v1/nodes/a/bios/NumLock").await.body;
    assert_eq!(keys(&one), ["NumLock"]);
    let one = &one["NumLock"];
    assert_eq!(one["allowable_values"], json!(["On", "Off"]));
    assert_eq!(
        (&one["attribute_type"], &one["lower_bound"]),
        (&json!("Enumeration"), &Value::Null)
    );
    let link = format!("http://api/v1/nodes/{node}/bios/NumLock");
    assert_eq!(one["links"][0]["href"], json!(link));
    let detailed = server.get(&format!("{BIOS}?detail=true")).await.body;
    assert_eq!(keys(&detailed["bios"][0]), keys(one));
    let chosen = server.get(&format!("{BIOS}?fields=name,read_only")).await;
    let expected = ["created_at", "updated_at", "name", "read_only", "links"];
    assert_eq!(keys(&chosen.body["bios"][0]), expected);
}

#[tokio::test]
async fn steps_change_what_is_shown() {
    let (server, node) = managed().await;
    let before = server.get(BIOS).await.body["bios"].clone();
    let wanted = json!([{"name": "NumLock", "value": "Off"}]);
    let steps = json!([step("bios", "apply_configuration", &wanted)]);
    let clean = json!({"target": "clean", "clean_steps": steps});
    server.provision(&node, clean, "manageable").await;
    let after = server.get(BIOS).await.body["bios"].clone();
    assert_eq!((&after[0], &after[3]), (&before[0], &before[3]));
    assert_eq!(after[2]["value"], "Off");
    assert_eq!(after[2]["created_at"], before[2]["created_at"]);
    assert!(after[2]["updated_at"].is_string());
    let firmware = server.get(FIRMWARE).await.body["firmware"].clone();
    assert_eq!(firmware[0]["last_version_flashed"], Value::Null);
    let image = json!([{"component": "bios", "url": "http://images/2.0"}]);
    // In cleaning it needs a ramdisk, which nobody plays here.
    let steps = json!([step("firmware", "update", &image)]);
    for (body, ends) in [
        (json!({"target": "provide"}), "available"),
        (json!({"target": "active"}), "active"),
        (
            json!({"target": "service", "service_steps": steps}),
            "active",
        ),
    ] {
        server.provision(&node, body, ends).await;
    }
    let updated = server.get(FIRMWARE).await.body["firmware"].clone();
    let bios = &updated[0];
    let versions =
        ["initial_version", "current_version", "last_version_flashed"].map(|key| &bios[key]);
    assert_eq!(versions, ["1.0", "2.0", "2.0"]);
    assert_eq!(updated[1], firmware[1]);
}

#[tokio::test]
async fn they_go_with_their_node() {
    let (server, node) = managed().await;
    let there = server.get(FIRMWARE).await.body;
    assert_eq!(there["firmware"].as_array().unwrap().len(), 2);
    // Whoever enrols the same node again finds nothing.
    let path = format!("/v1/nodes/{node}");
    let gone = server.call(Method::DELETE, &path, Value::Null);
    assert_eq!(gone.await.status, StatusCode::NO_CONTENT);
    let again = json!({"uuid": node, "name": "a", "driver": "fake-hardware"});
    server.call(Method::POST, "/v1/nodes", again).await;
    assert_eq!(server.get(BIOS).await.body, json!({"bios": []}));
    assert_eq!(server.get(FIRMWARE).await.body, json!({"firmware": []}));
}

#[tokio::test]
async fn settings_have_their_versions() {
    let (server, _) = managed().await;
    refused(&get(&server, "1.39", BIOS).await, 404, "1.40");
    refused(
        &get(&server, "1.39", "/v1/nodes/a/bios/NumLock").await,
        404,
        "1.40",
    );
    let old = get(&server, "1.40", BIOS).await.body;
    assert_eq!(old["bios"][2]["value"], "On");
    let one = get(&server, "1.73", "/v1/nodes/a/bios/NumLock").await.body;
    let expected = ["created_at", "updated_at", "name", "value", "links"];
    assert_eq!(keys(&one["NumLock"]), expected);
    for argument in ["detail=true", "detail=false", "fields=name"] {
        let path = format!("{BIOS}?{argument}");
        refused(&get(&server, "1.73", &path).await, 400, "unexpected");
        let answer = get(&server, "1.74", &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{argument}");
    }
    let cases = [
        ("?fields=nonsense", 400, "nonsense"),
        ("?fields=name&detail=true", 400, "detail and fields"),
        ("?limit=1", 400, "limit"),
        ("/nonsense", 404, "doesn't have a BIOS setting 'nonsense'"),
        ("/NumLock?fields=name", 400, "fields"),
    ];
    for (rest, status, text) in cases {
        refused(&server.get(&format!("{BIOS}{rest}")).await, status, text);
    }
    refused(&server.get("/v1/nodes/b/bios").await, 404, "b");
}

#[tokio::test]
async fn firmware_has_its_versions() {
    let (server, _) = managed().await;
    refused(&get(&server, "1.85", FIRMWARE).await, 404, "1.86");
    let old = get(&server, "1.113", FIRMWARE).await.body;
    let expected = [
        "created_at",
        "updated_at",
        "component",
        "initial_version",
        "current_version",
        "last_version_flashed",
    ];
    assert_eq!(keys(&old["firmware"][0]), expected);
    assert_eq!(old["firmware"][0]["initial_version"], "1.0");
    let new = get(&server, "1.114", FIRMWARE).await.body;
    let identity = ["vendor", "model", "serial_number"];
    assert_eq!(keys(&new["firmware"][0])[6..], identity);
    assert_eq!(new["firmware"][1]["model"], "Fake BMC");
    let path = format!("{FIRMWARE}?fields=component,model");
    let chosen = get(&server, "1.114", &path).await.body;
    let expected = ["created_at", "updated_at", "component", "model"];
    assert_eq!(keys(&chosen["firmware"][0]), expected);
    // 400 and not 406, as in Ironic.
    refused(
        &get(&server, "1.113", &path).await,
        400,
        "Fields model are not allowed",
    );
    let cases = [
        ("?fields=nonsense", "nonsense"),
        ("?fields=component&detail=true", "detail and fields"),
        ("?limit=1", "limit"),
    ];
    for (rest, text) in cases {
        refused(&server.get(&format!("{FIRMWARE}{rest}")).await, 400, text);
    }
}
