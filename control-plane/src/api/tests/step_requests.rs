//! Steps in `states/provision`: lists and runbooks, and what is said of those that cannot be done.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

async fn ask(server: &Server, version: &str, body: Value) -> Answer {
    let path = "/v1/nodes/a/states/provision";
    server.call_in(version, Method::PUT, path, body).await
}

async fn manageable() -> Server {
    let server = Server::start().await;
    server.node("a").await;
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    server
}

async fn add_runbook(server: &Server, name: &str, step: &str) {
    let step = json!({"interface": "power", "step": step, "order": 1, "args": {}});
    let body = json!({"name": name, "steps": [step]});
    let made = server.call(Method::POST, "/v1/runbooks", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
}

async fn set_traits(server: &Server, of: &str, traits: &[&str]) {
    let path = format!("/v1/{of}/traits");
    let body = json!({"traits": traits});
    let answer = server.call(Method::PUT, &path, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
}

async fn power(server: &Server) -> Value {
    server.get("/v1/nodes/a").await.body["power_state"].clone()
}

#[tokio::test]
async fn a_list_of_reserved_steps_is_done() {
    let server = manageable().await;
    let steps = json!([
        {"interface": "power", "step": "power_off", "order": 2},
        {"interface": "power", "step": "power_on", "order": 3},
        {"interface": "deploy", "step": "wait", "args": {"seconds": 0}, "order": 1},
    ]);
    let body = json!({"target": "clean", "clean_steps": steps});
    server.provision("a", body, "manageable").await;
    assert_eq!(power(&server).await, "power on");
}

#[tokio::test]
async fn what_is_wrong_with_a_step_is_said() {
    let server = manageable().await;
    let check = async |step: Value, part: &str| {
        let body = json!({"target": "clean", "clean_steps": [step]});
        let answer = ask(&server, "latest", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{part}");
        assert!(answer.fault().contains(part), "{}", answer.fault());
    };
    let step = |step: &str, args: Value| json!({"interface": "deploy", "step": step, "args": args});
    check(step("wait", json!({})), "needs the argument seconds").await;
    check(
        step("wait", json!({"seconds": 1, "x": 1})),
        "takes no argument x; it takes seconds",
    )
    .await;
    check(step("wait", json!({"seconds": 99})), "from 0 to 30").await;
    check(step("hold", json!({"x": 1})), "takes none").await;
    check(
        step("burn", json!({})),
        "nobody offers the step deploy.burn",
    )
    .await;
    let raw = json!({"interface": "vendor", "step": "send_raw"});
    check(raw, "it stands in disallow_clean_steps").await;
    let child = "00000000-0000-0000-0000-000000000001";
    let limited = json!({"interface": "power", "step": "reboot",
        "execute_on_child_nodes": true, "limit_child_node_execution": [child]});
    check(limited, "is not a child of this node").await;
    let path = "/v1/nodes/a/states/provision";
    let body = json!({"target": "clean"});
    let none = server.call(Method::PUT, path, body).await;
    assert!(
        none.fault().contains("clean_steps or a runbook"),
        "{}",
        none.fault()
    );
}

#[tokio::test]
async fn a_runbook_is_used_by_nodes_that_carry_its_name() {
    let server = manageable().await;
    add_runbook(&server, "CUSTOM_ON", "power_on").await;
    let body = json!({"target": "clean", "runbook": "CUSTOM_ON"});
    let check = async |version: &str, status: StatusCode, part: &str| {
        let answer = ask(&server, version, body.clone()).await;
        assert_eq!(answer.status, status, "{version}: {}", answer.fault());
        assert!(answer.fault().contains(part), "{}", answer.fault());
    };
    check("1.91", StatusCode::NOT_ACCEPTABLE, "1.92").await;
    check(
        "1.111",
        StatusCode::BAD_REQUEST,
        "a trait of its name, CUSTOM_ON",
    )
    .await;
    set_traits(&server, "nodes/a", &["CUSTOM_ON"]).await;
    // Since 1.112 the name alone says nothing.
    check("1.112", StatusCode::BAD_REQUEST, "of which it has none yet").await;
    check("1.111", StatusCode::ACCEPTED, "").await;
    wait_for(&server, "power on").await;
}

async fn wait_for(server: &Server, state: &str) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let node = server.get("/v1/nodes/a").await.body;
        if node["power_state"] == state && node["provision_state"] == "manageable" {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{node}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_runbook_is_used_by_nodes_that_share_a_trait() {
    let server = manageable().await;
    add_runbook(&server, "switch-on", "power_on").await;
    set_traits(&server, "runbooks/switch-on", &["CUSTOM_X", "CUSTOM_Y"]).await;
    let body = json!({"target": "clean", "runbook": "switch-on"});
    let refused = ask(&server, "latest", body.clone()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.fault().contains("CUSTOM_X, CUSTOM_Y"),
        "{}",
        refused.fault()
    );
    set_traits(&server, "nodes/a", &["CUSTOM_Y"]).await;
    server.provision("a", body, "manageable").await;
    assert_eq!(power(&server).await, "power on");
}

#[tokio::test]
async fn a_runbook_goes_with_nothing_else() {
    let server = manageable().await;
    add_runbook(&server, "CUSTOM_A", "reboot").await;
    set_traits(&server, "nodes/a", &["CUSTOM_A"]).await;
    set_traits(&server, "runbooks/CUSTOM_A", &["CUSTOM_A"]).await;
    let check = async |body: Value, status: u16, part: &str| {
        let answer = ask(&server, "latest", body).await;
        assert_eq!(answer.status.as_u16(), status, "{part}: {}", answer.fault());
        assert!(answer.fault().contains(part), "{}", answer.fault());
    };
    let steps = json!([{"interface": "power", "step": "power_on"}]);
    let both = json!({"target": "clean", "runbook": "CUSTOM_A", "clean_steps": steps});
    check(both, 400, "do not go together").await;
    let elsewhere = json!({"target": "provide", "runbook": "CUSTOM_A"});
    check(elsewhere, 400, "clean and service only").await;
    let unknown = json!({"target": "clean", "runbook": "CUSTOM_B"});
    check(unknown, 404, "runbook CUSTOM_B could not be found").await;
    let number = json!({"target": "clean", "runbook": 5});
    check(number, 400, "a UUID or a name").await;
}
