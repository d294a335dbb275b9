//! A node's life over HTTP, and what each state allows.

use super::fixture::Server;
use http::{Method, StatusCode};
use serde_json::{Value, json};

async fn no_inventory(server: &Server, why: &str) {
    let answer = server.get("/v1/nodes/a/inventory").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let fault = answer.fault();
    assert!(
        fault.starts_with("Node inventory record for node ") && fault.contains(why),
        "{fault}"
    );
}

#[tokio::test]
async fn from_enroll_to_active_and_back() {
    let server = Server::start().await;
    let node = server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    no_inventory(&server, "the node was not inspected yet").await;
    server
        .provision("a", json!({"target": "inspect"}), "manageable")
        .await;
    assert!(server.get("/v1/nodes/a").await.body["inspection_finished_at"].is_string());
    no_inventory(&server, "the inspection of the node recorded none").await;
    server
        .provision("a", json!({"target": "provide"}), "available")
        .await;
    let drive = json!({"meta_data": {"hostname": "h"}, "user_data": "#cloud-config\n"});
    server
        .provision(
            "a",
            json!({"target": "active", "configdrive": drive}),
            "active",
        )
        .await;
    let active = server.get("/v1/nodes/a").await.body;
    assert_eq!(active["instance_info"]["configdrive"], "******");
    assert_eq!(active["last_error"], Value::Null);
    let refused = server
        .call(Method::DELETE, "/v1/nodes/a", Value::Null)
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    server
        .provision("a", json!({"target": "deleted"}), "available")
        .await;
    let history = server.get("/v1/nodes/a/history?detail=true").await.body;
    let states: Vec<_> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["state"].clone())
        .collect();
    assert!(
        states.contains(&json!("active")) && states.contains(&json!("cleaning")),
        "{states:?}"
    );
    let gone = server
        .call(Method::DELETE, &format!("/v1/nodes/{node}"), Value::Null)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

/// The status that each target is answered with in `enroll`, by version.
#[tokio::test]
async fn verbs_are_gated_before_the_state_is_looked_at() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let check = async |target: &str, version: &str, expected: u16| {
        let path = format!("/v1/nodes/{node}/states/provision");
        let answer = server
            .call_in(version, Method::PUT, &path, json!({"target": target}))
            .await;
        assert_eq!(
            answer.status.as_u16(),
            expected,
            "{target} in {version}: {}",
            answer.fault()
        );
    };
    check("manage", "1.3", 406).await;
    check("active", "1.115", 400).await;
    check("deploy", "1.72", 406).await;
    check("deploy", "1.73", 400).await;
    check("abort", "1.12", 406).await;
    check("clean", "1.14", 406).await;
    check("rescue", "1.37", 406).await;
    check("undeploy", "1.1", 400).await;
    check("unhold", "1.1", 400).await;
    check("service", "1.1", 400).await;
    check("bogus", "1.115", 400).await;
}

/// Asks an available node for `active` with more in the body, which must be refused.
async fn refuses_with(server: &Server, version: &str, more: Value, expected: u16, text: &str) {
    let mut body = json!({"target": "active"});
    let object = body.as_object_mut().unwrap();
    object.extend(more.as_object().unwrap().clone());
    let path = "/v1/nodes/a/states/provision";
    let answer = server.call_in(version, Method::PUT, path, body).await;
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), expected, "{more}: {fault}");
    assert!(fault.contains(text), "{fault}");
}

async fn available() -> Server {
    let server = Server::start().await;
    server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    server
        .provision("a", json!({"target": "provide"}), "available")
        .await;
    server
}

#[tokio::test]
async fn a_target_in_the_wrong_state_is_refused_in_one_form() {
    let server = available().await;
    let id = server.get("/v1/nodes/a").await.body["uuid"].clone();
    for target in ["rescue", "adopt", "undeploy", "no such thing"] {
        let body = json!({"target": target});
        let path = "/v1/nodes/a/states/provision";
        let answer = server.call(Method::PUT, path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let expected = format!(
            "The requested action \"{target}\" can not be performed on node {id} while it is in state \"available\". \
             Allowed in this state: active, deploy, manage."
        );
        assert_eq!(answer.fault(), expected);
    }
}

#[tokio::test]
async fn config_drives_are_checked() {
    let server = available().await;
    let check = async |version: &str, drive: Value, text: &str| {
        refuses_with(&server, version, json!({"configdrive": drive}), 400, text).await;
    };
    check("1.115", json!("not base64!"), "configdrive").await;
    check("1.115", json!("******"), "never stored").await;
    check("1.115", json!({"meta_data": 5}), "meta_data").await;
    check("1.55", json!({"meta_data": {}}), "1.56").await;
    check("1.58", json!({"vendor_data": {}}), "1.59").await;
}

#[tokio::test]
async fn what_else_comes_along_is_checked() {
    let server = available().await;
    let newest = async |more: Value, text: &str| {
        refuses_with(&server, "1.115", more, 400, text).await;
    };
    newest(json!({"bogus": 1}), "bogus").await;
    let step = json!({"interface": "deploy", "step": "x"});
    newest(json!({"clean_steps": [step]}), "clean_steps").await;
    newest(json!({"deploy_steps": [step]}), "args").await;
    newest(json!({"rescue_password": "x"}), "rescue").await;
    let whole = json!({"interface": "deploy", "step": "x", "args": {}, "priority": 5});
    refuses_with(
        &server,
        "1.68",
        json!({"deploy_steps": [whole]}),
        406,
        "1.69",
    )
    .await;
    server
        .call(Method::PUT, "/v1/nodes/a/maintenance", json!({}))
        .await;
    newest(json!({}), "maintenance").await;
}

#[tokio::test]
async fn deploy_takes_what_active_takes() {
    let server = available().await;
    let drive = json!({"meta_data": {"hostname": "h"}});
    let mut body = json!({"target": "deploy", "configdrive": drive});
    let step = json!({"interface": "deploy", "step": "x", "args": {}, "priority": 5});
    body["deploy_steps"] = json!([step]);
    let path = "/v1/nodes/a/states/provision";
    let refused = server.call(Method::PUT, path, body.clone()).await;
    let fault = refused.fault();
    assert!(fault.contains("nobody offers the step deploy.x"), "{fault}");
    body["deploy_steps"] = json!([]);
    server.provision("a", body, "active").await;
    let active = server.get("/v1/nodes/a").await.body;
    assert_eq!(active["instance_info"]["configdrive"], "******");
}

#[tokio::test]
async fn power_and_boot_device() {
    let server = Server::start().await;
    server.node("a").await;
    let power = async |version: &str, body: Value| {
        let answer = server
            .call_in(version, Method::PUT, "/v1/nodes/a/states/power", body)
            .await;
        answer.status.as_u16()
    };
    assert_eq!(power("1.115", json!({"target": "up"})).await, 400);
    for timeout in [json!(0), json!(86_401), json!(u64::MAX), json!("-1")] {
        let body = json!({"target": "power on", "timeout": timeout});
        assert_eq!(power("1.115", body).await, 400, "{timeout}");
    }
    assert_eq!(
        power("1.26", json!({"target": "soft power off"})).await,
        406
    );
    assert_eq!(power("1.115", json!({"target": "power on"})).await, 202);
    let device = json!({"boot_device": "pxe", "persistent": true});
    let set = server
        .call(
            Method::PUT,
            "/v1/nodes/a/management/boot_device",
            device.clone(),
        )
        .await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.fault());
    assert_eq!(
        server.get("/v1/nodes/a/management/boot_device").await.body,
        device
    );
    let supported = server
        .get("/v1/nodes/a/management/boot_device/supported")
        .await
        .body;
    assert!(
        supported["supported_boot_devices"]
            .as_array()
            .unwrap()
            .contains(&json!("pxe"))
    );
    let validation = server.get("/v1/nodes/a/validate").await.body;
    assert_eq!(validation["power"], json!({"result": true}));
    assert_eq!(
        server.get("/v1/nodes/validate?node=a").await.body,
        validation
    );
    let by_name = server.get("/v1/nodes/validate?node_uuid=a").await;
    assert_eq!(by_name.status, StatusCode::BAD_REQUEST);
    let never = json!([{"op": "add", "path": "/disable_power_off", "value": true}]);
    server.call(Method::PATCH, "/v1/nodes/a", never).await;
    assert_eq!(power("1.115", json!({"target": "power off"})).await, 409);
}
