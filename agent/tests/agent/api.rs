//! The command API, case by case: request, status, body.

use reqwest::Method;
use serde_json::json;

use crate::conductor::TOKEN;
use crate::process::{Answer, send, serving};

fn fault(status: u16, text: &str) -> Answer {
    let faultcode = if status < 500 { "Client" } else { "Server" };
    Answer {
        status,
        body: json!({"faultcode": faultcode, "faultstring": text}),
    }
}

fn authorised(path: &str) -> String {
    format!("{path}?agent_token={TOKEN}")
}

#[tokio::test]
async fn documents_need_no_token_and_are_those_of_ironics_agent() {
    let (_conductor, _place, _agent, api) = serving().await;
    let root = api.get("/").await.body;
    let version = json!({
        "id": "v1",
        "links": [
            {"href": format!("{}/v1", api.url), "rel": "self"},
            {
                "href": "https://docs.openstack.org/ironic-python-agent/", "rel": "describedby",
                "type": "text/html",
            },
        ],
    });
    assert_eq!(root["versions"], json!([version]));
    assert_eq!(root["default_version"], version);
    let v1 = api.get("/v1/").await.body;
    let url = &api.url;
    let expected = json!({
        "commands": [
            {"href": format!("{url}/v1/commands"), "rel": "self"},
            {"href": format!("{url}/commands"), "rel": "bookmark"},
        ],
        "status": [
            {"href": format!("{url}/v1/status"), "rel": "self"},
            {"href": format!("{url}/status"), "rel": "bookmark"},
        ],
        "media_types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.ironic-python-agent.v1+json",
        }],
        "id": "v1",
        "links": version["links"],
    });
    assert_eq!(v1, expected);
    for path in ["/v1/status", "/status"] {
        let status = api.get(path).await.body;
        assert!(status["started_at"].as_f64().unwrap() > 1.7e9);
        assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[tokio::test]
async fn paths_without_their_slash_are_redirected_with_their_query() {
    let (_conductor, _place, _agent, api) = serving().await;
    for (method, path, target) in [
        (Method::GET, "/v1", "/v1/"),
        (
            Method::GET,
            "/v1/commands?agent_token=x&wait=true",
            "/v1/commands/?agent_token=x&wait=true",
        ),
        (Method::POST, "/v1/commands?a=b", "/v1/commands/?a=b"),
        (Method::GET, "/commands", "/commands/"),
    ] {
        let response = api.request(method, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 308, "{path}");
        assert_eq!(
            response.headers()["location"],
            format!("{}{target}", api.url)
        );
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
}

#[tokio::test]
async fn commands_need_the_token() {
    let (_conductor, _place, _agent, api) = serving().await;
    let refused = fault(401, "401 Unauthorized: Token invalid.");
    let short = &TOKEN[..42];
    for query in [
        "",
        "?agent_token=",
        "?agent_token=wrong",
        &format!("?agent_token={short}"),
    ] {
        for path in ["/v1/commands/", "/commands/", "/v1/commands/some-id"] {
            assert_eq!(
                api.get(&format!("{path}{query}")).await,
                refused,
                "{path}{query}"
            );
        }
        let body = r#"{"name": "standby.sync", "params": {}}"#;
        assert_eq!(
            api.post(&format!("/v1/commands/{query}"), body).await,
            refused
        );
    }
    assert!(api.commands().await.is_empty());
}

#[tokio::test]
async fn without_the_token_no_body_is_read() {
    let (_conductor, _place, _agent, api) = serving().await;
    let endless = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = api.request(Method::POST, "/v1/commands/?agent_token=wrong");
    let begun = std::time::Instant::now();
    let answer = send(request.body(reqwest::Body::wrap_stream(endless))).await;
    assert_eq!(answer, fault(401, "401 Unauthorized: Token invalid."));
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
}

#[tokio::test]
async fn the_token_is_never_logged() {
    let (_conductor, _place, agent, api) = serving().await;
    api.finished("standby.sync", json!({})).await;
    assert!(agent.log().contains("/v1/commands/"));
    assert!(!agent.log().contains(TOKEN));
}

#[tokio::test]
async fn requests_that_make_no_sense_have_the_texts_of_ironics_agent() {
    let (_conductor, _place, _agent, api) = serving().await;
    let path = authorised("/v1/commands/");
    for (body, status, text) in [
        (
            r#"{"name": "no.such", "params": {}}"#,
            404,
            "Not found: Extension with id no not found.",
        ),
        (
            r#"{"name": "standby.such", "params": {}}"#,
            400,
            "Invalid command: Unknown command: such",
        ),
        (
            r#"{"name": "sync", "params": {}}"#,
            400,
            "Invalid command: Command name must be of the form <extension>.<name>",
        ),
        (
            r#"{"name": "standby.prepare_image", "params": {"image_info": {"id": "a"}}}"#,
            400,
            "Invalid command parameters: Image is missing 'id', 'urls' fields.",
        ),
        (
            r#"{"name": "poll.set_node_info", "params": {"node_info": {}}}"#,
            400,
            "Invalid command: node information can be set on a standalone agent only, and this one has a conductor",
        ),
    ] {
        assert_eq!(api.post(&path, body).await, fault(status, text), "{body}");
    }
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"name": "a.b"}"#,
        r#"{"name": "a.b", "params": []}"#,
        r#"{"name": 1, "params": {}}"#,
    ] {
        let answer = api.post(&path, body).await;
        assert_eq!(answer.status, 400, "{body}");
        let text = answer.body["faultstring"].as_str().unwrap();
        assert!(text.starts_with("400 Bad Request: "), "{body}: {text}");
    }
    let deep = format!(
        r#"{{"name": "a.b", "params": {{"x": {}1{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(api.post(&path, &deep).await.status, 400);
    assert!(api.commands().await.is_empty());
}

#[tokio::test]
async fn unknown_paths_methods_and_ids_are_faults() {
    let (_conductor, _place, _agent, api) = serving().await;
    let nowhere = fault(
        404,
        "404 Not Found: The requested URL was not found on the server.",
    );
    assert_eq!(api.get("/v2/").await, nowhere);
    assert_eq!(api.get("/v1/status/").await, nowhere);
    let method = fault(
        405,
        "405 Method Not Allowed: The method is not allowed for the requested URL.",
    );
    assert_eq!(
        send(api.request(Method::DELETE, "/v1/commands/")).await,
        method
    );
    assert_eq!(send(api.request(Method::POST, "/v1/status")).await, method);
    let odd = format!("/v1/commands/%ff?agent_token={TOKEN}&agent_token=2&wait=1&wait=%ff");
    let answer = api.get(&odd).await;
    assert_eq!(
        (answer.status, answer.body["faultcode"].as_str()),
        (404, Some("Client"))
    );
    for id in ["4b2f1d0e-5a3b-4d0e-9d56-2b54cf1a6a11", "nonsense"] {
        let text = format!("Not found: Agent Command with id {id} not found.");
        assert_eq!(
            api.get(&authorised(&format!("/v1/commands/{id}"))).await,
            fault(404, &text)
        );
    }
}

#[tokio::test]
async fn a_synchronous_command_is_answered_when_it_is_done() {
    let (_conductor, _place, _agent, api) = serving().await;
    let answer = api.command("standby.get_partition_uuids", json!({})).await;
    let id = answer.body["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "command_name": "get_partition_uuids", "command_status": "SUCCEEDED",
        "command_error": null, "command_result": {},
    });
    assert_eq!(
        answer,
        Answer {
            status: 200,
            body: expected.clone()
        }
    );
    assert_eq!(api.commands().await, std::slice::from_ref(&expected));
    assert_eq!(
        api.get(&authorised(&format!("/commands/{id}"))).await.body,
        expected
    );
}

#[tokio::test]
async fn what_this_agent_does_not_do_fails_and_says_so() {
    let (_conductor, _place, _agent, api) = serving().await;
    for (name, expected) in [
        (
            "standby.execute_bootc_install",
            "missing field `image_source`",
        ),
        ("flow.start_flow", "flow must be a list"),
    ] {
        let result = api.finished(name, json!({})).await;
        assert_eq!(result["command_status"], "FAILED", "{result}");
        let details = result["command_error"]["details"].as_str().unwrap();
        assert!(details.contains(expected), "{details}");
    }
    // The list goes on working after failures.
    assert_eq!(api.commands().await.len(), 2);
}

#[tokio::test]
async fn a_flow_runs_its_commands_in_order() {
    let (_conductor, _place, _agent, api) = serving().await;
    let flow = json!([{"standby.sync": {}}, {"standby.get_partition_uuids": {}}]);
    let result = api.finished("flow.start_flow", json!({"flow": flow})).await;
    let expected = json!([
        {"command_name": "sync", "command_result": null},
        {"command_name": "get_partition_uuids", "command_result": {}},
    ]);
    assert_eq!(result["command_result"], expected);
    let flow = json!([{"poll.set_node_info": {}}, {"standby.sync": {}}]);
    let result = api.finished("flow.start_flow", json!({"flow": flow})).await;
    assert_eq!(result["command_status"], "FAILED");
    assert!(
        result["command_error"]["details"]
            .as_str()
            .unwrap()
            .starts_with("set_node_info failed: ")
    );
}

#[tokio::test]
async fn the_inventory_and_the_logs_can_be_asked_for() {
    let (_conductor, _place, _agent, api) = serving().await;
    let inventory = api.command("poll.get_hardware_info", json!({})).await.body;
    assert!(
        inventory["command_result"]["cpu"]["count"]
            .as_u64()
            .unwrap()
            >= 1
    );
    let logs = api.command("log.collect_system_logs", json!({})).await.body;
    let text = logs["command_result"]["system_logs"].as_str().unwrap();
    // The first bytes of gzip, as base64.
    assert!(text.starts_with("H4sI"), "{}", &text[..20]);
}
