//! Rescue, service, adoption, protection over HTTP: what must come along, since when, and what is never shown.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

async fn manageable() -> Server {
    let server = Server::start().await;
    server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    server
}

async fn active() -> Server {
    let server = manageable().await;
    server
        .provision("a", json!({"target": "provide"}), "available")
        .await;
    server
        .provision("a", json!({"target": "active"}), "active")
        .await;
    server
}

async fn ask(server: &Server, version: &str, body: Value) -> Answer {
    let path = "/v1/nodes/a/states/provision";
    server.call_in(version, Method::PUT, path, body).await
}

async fn refuses(server: &Server, version: &str, body: Value, expected: u16, text: &str) {
    let shown = body.to_string();
    let answer = ask(server, version, body).await;
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), expected, "{shown}: {fault}");
    assert!(fault.contains(text), "{shown}: {fault}");
}

#[tokio::test]
async fn a_node_is_rescued_serviced_and_back() {
    let server = active().await;
    let rescue = json!({"target": "rescue", "rescue_password": "open sesame"});
    server.provision("a", rescue, "rescue").await;
    for path in [
        "/v1/nodes/a",
        "/v1/nodes/a/states",
        "/v1/nodes/a/history?detail=true",
    ] {
        let shown = server.get(path).await.body.to_string();
        assert!(
            !shown.contains("sesame") && !shown.contains("$5$"),
            "{shown}"
        );
    }
    server
        .provision("a", json!({"target": "unrescue"}), "active")
        .await;
    let steps = json!([{"interface": "power", "step": "power_on", "order": 1}]);
    let service = json!({"target": "service", "service_steps": steps});
    server.provision("a", service, "active").await;
    let node = server.get("/v1/nodes/a").await.body;
    assert_eq!(node["last_error"], Value::Null);
    let history = server.get("/v1/nodes/a/history?detail=true").await.body;
    let history = history.to_string();
    assert!(history.contains("servicing") && history.contains("rescuing"));
}

#[tokio::test]
async fn a_node_is_adopted() {
    let server = manageable().await;
    refuses(&server, "1.16", json!({"target": "adopt"}), 406, "1.17").await;
    server
        .provision("a", json!({"target": "adopt"}), "active")
        .await;
}

#[tokio::test]
async fn what_a_rescue_needs() {
    let server = active().await;
    let check = async |password: Value, text: &str| {
        let mut body = json!({"target": "rescue"});
        body["rescue_password"] = password;
        refuses(&server, "1.115", body, 400, text).await;
    };
    check(Value::Null, "rescue_password").await;
    check(json!(" "), "not empty").await;
    check(json!(12345), "must be a text").await;
    let number = ask(
        &server,
        "1.115",
        json!({"target": "rescue", "rescue_password": 12345}),
    )
    .await;
    assert!(!number.fault().contains("12345"));
    let old = json!({"target": "rescue", "rescue_password": "x"});
    refuses(&server, "1.37", old, 406, "1.38").await;
}

#[tokio::test]
async fn what_a_service_needs() {
    let server = active().await;
    let steps = json!([{"interface": "deploy", "step": "x"}]);
    let service = |more: Value| {
        let mut body = json!({"target": "service"});
        let object = body.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        body
    };
    let whole = service(json!({"service_steps": steps}));
    refuses(&server, "1.86", whole, 406, "1.87").await;
    let check = async |more: Value, text: &str| {
        refuses(&server, "1.115", service(more), 400, text).await;
    };
    check(json!({}), "service_steps").await;
    check(json!({"service_steps": []}), "service_steps").await;
    check(
        json!({"service_steps": [{"interface": "deploy"}]}),
        "step 0",
    )
    .await;
    check(json!({"clean_steps": steps}), "clean_steps").await;
    let without = json!({"service_steps": steps, "disable_ramdisk": true});
    check(without.clone(), "disable_ramdisk").await;
    refuses(&server, "1.107", service(without), 406, "1.108").await;
    let elsewhere = json!({"target": "rebuild", "service_steps": steps});
    refuses(&server, "1.115", elsewhere, 400, "service_steps").await;
    for target in ["unhold", "abort", "unrescue"] {
        let body = json!({"target": target});
        refuses(&server, "1.115", body, 400, "can not be performed").await;
    }
    for target in ["unhold", "no such thing"] {
        let allowed = "Allowed in this state: rebuild, deleted, undeploy, rescue, service.";
        refuses(&server, "1.115", json!({"target": target}), 400, allowed).await;
    }
}

#[tokio::test]
async fn a_protected_node_is_not_undeployed() {
    let server = active().await;
    let patch = json!([{"op": "add", "path": "/protected", "value": true}]);
    let changed = server.call(Method::PATCH, "/v1/nodes/a", patch).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.fault());
    for target in ["deleted", "undeploy", "rebuild"] {
        refuses(
            &server,
            "1.115",
            json!({"target": target}),
            403,
            "protected",
        )
        .await;
    }
}

#[tokio::test]
async fn a_deploy_beyond_the_limit_is_told_when_to_come_back() {
    let server = Server::start_with(|settings| settings.conductor.max_concurrent_deploy = 0).await;
    server.node("a").await;
    for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("a", json!({"target": target}), ends).await;
    }
    let refused = ask(&server, "1.90", json!({"target": "active"})).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    let seconds = refused.headers["retry-after"].to_str().unwrap();
    assert!(seconds.parse::<u32>().unwrap() > 0, "{seconds}");
    let node = server.get("/v1/nodes/a").await.body;
    assert_eq!(node["provision_state"], "available");
}
