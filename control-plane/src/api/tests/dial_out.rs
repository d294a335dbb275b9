//! An agent that opens no port comes to the machines' listener for what it is asked.

use super::fixture::{Answer, Server};
use super::ramdisks::{ADDRESS, waiting};
use crate::conductor::{AgentAnswer, AgentCall, TransportError, Verb};
use axum::Router;
use axum::body::{Body, to_bytes};
use ferric_agent_protocol::dial_out::{CALLBACK_URL, HOLD};
use ferric_model::ids::NodeId;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use uuid::Uuid;

async fn send(
    router: &Router,
    (method, path): (Method, &str),
    (header, value): (&str, &str),
    body: &Value,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("X-OpenStack-Ironic-API-Version", "1.68")
        .header(header, value)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

/// What a lookup with this offer is answered.
pub(super) async fn config(router: &Router, offer: &str) -> Value {
    let path = format!("/v1/lookup?addresses={ADDRESS}");
    let offer = ("X-Ferric-Agent", offer);
    let nothing = json!({});
    let answer = send(router, (Method::GET, path.as_str()), offer, &nothing).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    answer.body["config"].clone()
}

pub(super) fn token(config: &Value) -> String {
    config["agent_token"].as_str().unwrap().to_owned()
}

pub(super) async fn come(router: &Router, path: &str, token: &str, body: &Value) -> Answer {
    let shown = ("X-Ferric-Agent-Token", token);
    send(router, (Method::POST, path), shown, body).await
}

fn fetch_path(node: NodeId) -> String {
    format!("/ferric/v1/agents/{node}/requests")
}

/// Something that the node's agent with this token is asked.
fn call(node: NodeId, token: &str) -> AgentCall {
    AgentCall {
        node,
        verb: Verb::Post,
        url: format!("{CALLBACK_URL}/v1/commands/"),
        query: vec![
            ("agent_token", token.to_owned()),
            ("wait", "true".to_owned()),
        ],
        headers: vec![("X-Ferric-Epoch", "7".to_owned())],
        body: Some(json!({"name": "standby.sync", "params": {}})),
        certificate: None,
        timeout: Duration::from_secs(30),
    }
}

type Outcome = Result<AgentAnswer, TransportError>;

fn ask(server: &Server, node: NodeId, token: &str) -> JoinSet<Outcome> {
    let (conductor, mut tasks) = (server.conductor.clone(), JoinSet::new());
    let call = call(node, token);
    tasks.spawn(async move { conductor.send_to_agent(call).await });
    tasks
}

#[tokio::test]
async fn a_request_is_fetched_with_the_token_and_its_answer_is_brought() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let token = token(&config(&server.machine, "epoch, dial-out").await);
    let mut asked = ask(&server, node, &token);
    let nothing = json!({"known": []});
    let offer = come(&server.machine, &fetch_path(node), &token, &nothing).await;
    assert_eq!(offer.status, StatusCode::OK, "{}", offer.fault());
    let mut request = offer.body["request"].clone();
    let id = request["id"].as_str().unwrap().to_owned();
    request.as_object_mut().unwrap().shift_remove("id");
    let body = json!({"name": "standby.sync", "params": {}}).to_string();
    let expected = json!({
        "method": "POST", "path": "/v1/commands/", "query": [["wait", "true"]],
        "headers": [["X-Ferric-Epoch", "7"]], "body": body,
    });
    assert_eq!(request, expected);

    let path = format!("/ferric/v1/agents/{node}/answers/{id}");
    let answer = json!({"status": 409, "body": "{\"faultstring\": \"busy\"}"});
    let refused = come(&server.machine, &path, "guess", &answer).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let formless = come(&server.machine, &path, &token, &json!({"status": "x"})).await;
    assert_eq!(formless.status, StatusCode::BAD_REQUEST);
    let taken = come(&server.machine, &path, &token, &answer).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{}", taken.fault());
    let outcome = asked.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(outcome.status, 409);
    assert_eq!(outcome.body, json!({"faultstring": "busy"}));
    let late = come(&server.machine, &path, &token, &answer).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert!(late.fault().contains("Nobody waits"), "{}", late.fault());
}

#[tokio::test]
async fn nobody_else_is_given_anything() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    // On the operators' listener it is not agreed on, and without that it is not to be had.
    let other = config(&server.operator, "epoch, dial-out").await;
    assert_eq!(other["ferric"], json!({"extensions": ["epoch"]}));
    let of_another_kind = token(&other);
    let nothing = json!({});
    let path = fetch_path(node);
    for wrong in ["", "guess", of_another_kind.as_str()] {
        let refused = come(&server.machine, &path, wrong, &nothing).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong:?}");
    }
    let agreed = config(&server.machine, "epoch, dial-out").await;
    let both = json!({"extensions": ["epoch", "dial-out"]});
    assert_eq!(agreed["ferric"], both);
    let token = token(&agreed);
    let refused = come(&server.machine, &path, &of_another_kind, &nothing).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "it is another token");
    let unknown = fetch_path(NodeId(Uuid::from_u128(77)));
    let nowhere = come(&server.machine, &unknown, &token, &nothing).await;
    assert_eq!(nowhere.status, StatusCode::FORBIDDEN);
    assert_eq!(nowhere.fault(), refused.fault());
    let elsewhere = come(&server.operator, &path, &token, &nothing).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    let many: Vec<Uuid> = (0..17).map(Uuid::from_u128).collect();
    let greedy = come(&server.machine, &path, &token, &json!({"known": many})).await;
    assert_eq!(greedy.status, StatusCode::BAD_REQUEST);
    let argued = come(&server.machine, &format!("{path}?x=1"), &token, &nothing).await;
    assert_eq!(argued.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_lets_go_whom_it_holds() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let token = token(&config(&server.machine, "epoch, dial-out").await);
    let (path, nothing) = (fetch_path(node), json!({}));
    let began = Instant::now();
    let held = come(&server.machine, &path, &token, &nothing);
    let ending = async {
        sleep(HOLD / 4).await;
        server.stop.cancel();
    };
    let (held, ()) = tokio::join!(held, ending);
    assert_eq!(held.status, StatusCode::OK);
    assert_eq!(held.body, json!({"request": null}));
    let took = began.elapsed();
    assert!((HOLD / 4..HOLD).contains(&took), "{took:?}");
}

/// What its heartbeats say of where it is, so that it is known to need no certificate.
#[tokio::test]
async fn its_heartbeat_names_no_port_and_no_certificate() {
    let server = Server::start().await;
    let node = waiting(&server).await;
    let path = format!("/v1/heartbeat/{node}");
    let beat = async |token: &str| {
        let body =
            json!({"callback_url": CALLBACK_URL, "agent_version": "1", "agent_token": token});
        let json = ("Content-Type", "application/json");
        send(&server.machine, (Method::POST, path.as_str()), json, &body).await
    };
    let of_another_kind = token(&config(&server.machine, "epoch").await);
    let refused = beat(&of_another_kind).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.fault().contains("dials out"), "{}", refused.fault());
    let token = token(&config(&server.machine, "epoch, dial-out").await);
    let accepted = beat(&token).await;
    assert_eq!(
        accepted.status,
        StatusCode::ACCEPTED,
        "{}",
        accepted.fault()
    );
    let shown = server.get(&format!("/v1/nodes/{node}")).await.body;
    assert_eq!(shown["driver_internal_info"]["agent_url"], CALLBACK_URL);
}
