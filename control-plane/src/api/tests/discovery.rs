//! Machines that nobody has enrolled, and whose ramdisk sends what it found.

use super::fixture::{Answer, Server, send};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const ADDRESS: &str = "52:54:00:00:00:71";
const PATH: &str = "/v1/continue_inspection";

async fn start() -> Server {
    let driver = Some("fake-hardware".to_owned());
    Server::start_with(|settings| settings.auto_discovery = driver).await
}

fn found() -> Value {
    let interface = json!({"name": "eth0", "mac_address": ADDRESS, "ipv4_address": "192.0.2.1"});
    json!({
        "inventory": {
            "interfaces": [interface],
            "cpu": {"count": 2, "architecture": "x86_64"},
            "memory": {"physical_mb": 2048},
            "disks": [{"name": "/dev/sda", "size": 1_u64 << 34}],
            "bmc_address": "192.0.2.9",
            "boot": {"current_boot_mode": "uefi", "pxe_interface": ADDRESS},
        },
    })
}

async fn tell(server: &Server, version: &str, path: &str, data: &Value) -> Answer {
    send(
        &server.machine,
        version,
        Method::POST,
        path,
        data.to_string(),
    )
    .await
}

async fn count(server: &Server) -> usize {
    let nodes = server.get("/v1/nodes").await.body;
    nodes["nodes"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_machine_that_nobody_knows_is_enrolled_with_what_it_found() {
    let server = start().await;
    let answer = tell(&server, "1.84", PATH, &found()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
    let token = answer.body["config"]["agent_token"].as_str().unwrap();
    assert!(token.len() > 20 && !token.contains('*'), "{token}");
    let id = answer.body["node"]["uuid"].as_str().unwrap();
    let node = server.get(&format!("/v1/nodes/{id}")).await.body;
    assert_eq!(node["provision_state"], "enroll");
    assert_eq!(node["driver"], "fake-hardware");
    assert_eq!(node["properties"]["cpu_arch"], "x86_64");
    let ports = server.get(&format!("/v1/nodes/{id}/ports")).await.body;
    assert_eq!(ports["ports"].as_array().unwrap().len(), 1);
    assert_eq!(ports["ports"][0]["address"], ADDRESS);
    let kept = server.get(&format!("/v1/nodes/{id}/inventory")).await.body;
    assert_eq!(kept["plugin_data"]["auto_discovered"], true);
    assert_eq!(kept["inventory"], found()["inventory"]);
    // It is known now, and nobody has asked for its inspection.
    let again = tell(&server, "1.84", PATH, &found()).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(count(&server).await, 1);
}

#[tokio::test]
async fn agents_of_ironics_inspector_are_told_the_uuid() {
    let server = start().await;
    let answer = tell(&server, "1.1", PATH, &found()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
    let nodes = server.get("/v1/nodes").await.body;
    let uuid = &nodes["nodes"][0]["uuid"];
    assert_eq!(answer.body, json!({ "uuid": uuid }));
}

#[tokio::test]
async fn a_machine_with_a_name_of_its_own_is_not_unknown() {
    let server = start().await;
    let nobody = "6f0a1d5c-0e52-4f6c-9a5c-54a9f2b6a3d1";
    let path = format!("{PATH}?node_uuid={nobody}");
    let answer = tell(&server, "1.84", &path, &found()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(count(&server).await, 0);
}

#[tokio::test]
async fn what_is_of_no_use_and_what_a_rule_refuses_is_not_enrolled() {
    let server = start().await;
    let mut loopback = found();
    loopback["inventory"]["interfaces"][0]["name"] = json!("lo");
    let answer = tell(&server, "1.84", PATH, &loopback).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fault = answer.fault();
    assert!(fault.contains("no usable network interface"), "{fault}");
    let rule = json!({"actions": [{"op": "fail", "args": {"msg": "not one of ours"}}]});
    let made = server.call(Method::POST, "/v1/inspection_rules", rule);
    let made = made.await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    let answer = tell(&server, "1.84", PATH, &found()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fault = answer.fault();
    assert!(fault.contains("not one of ours"), "{fault}");
    assert_eq!(count(&server).await, 0);
}

#[tokio::test]
async fn rules_say_what_becomes_of_it() {
    let server = start().await;
    let rule = json!({
        "conditions": [{"op": "is-true", "args": {"value": "{plugin_data[auto_discovered]}"}}],
        "actions": [{"op": "set-attribute", "args": {"path": "/description", "value": "came by itself"}}],
    });
    let made = server.call(Method::POST, "/v1/inspection_rules", rule);
    let made = made.await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    let answer = tell(&server, "1.84", PATH, &found()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
    let id = answer.body["node"]["uuid"].as_str().unwrap();
    let node = server.get(&format!("/v1/nodes/{id}")).await.body;
    assert_eq!(node["description"], "came by itself");
}

#[tokio::test]
async fn a_machine_with_the_addresses_of_two_nodes_is_not_unknown() {
    let server = start().await;
    let other = "52:54:00:00:00:72";
    for (name, address) in [("a", ADDRESS), ("b", other)] {
        let node = server.node(name).await;
        let body = json!({"node_uuid": node, "address": address});
        let made = server.call(Method::POST, "/v1/ports", body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    }
    let mut both = found();
    let second = json!({"name": "eth1", "mac_address": other});
    let interfaces = both["inventory"]["interfaces"].as_array_mut();
    interfaces.unwrap().push(second);
    let answer = tell(&server, "1.84", PATH, &both).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(count(&server).await, 2);
}
