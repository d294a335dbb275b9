//! The command API, case by case: request, status, body.

use reqwest::Method;
use serde_json::{Value, json};

use crate::conductor::TOKEN;
use crate::process::{Answer, Api, send, serving};

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

fn clean_step(name: &str, priority: i64) -> Value {
    json!({
        "step": name, "interface": "deploy", "priority": priority, "reboot_requested": false, "abortable": true,
    })
}

fn raid_step(step: &str) -> Value {
    let mut raid = clean_step(step, 0);
    raid["interface"] = json!("raid");
    raid
}

#[tokio::test]
async fn steps_are_listed_by_kind() {
    let (_conductor, _place, _agent, api) = serving().await;
    let node = json!({"uuid": crate::conductor::NODE});
    let params = json!({"node": node, "ports": []});
    let clean = api
        .command("clean.get_clean_steps", params.clone())
        .await
        .body;
    assert_eq!(clean["command_name"], "get_clean_steps");
    let mut clean_uefi_nvram = clean_step("clean_uefi_nvram", 0);
    clean_uefi_nvram["argsinfo"] = clean["command_result"]["clean_steps"]["FerricAgent"]
        .as_array()
        .and_then(|steps| steps.iter().find(|step| step["step"] == "clean_uefi_nvram"))
        .map_or(Value::Null, |step| step["argsinfo"].clone());
    assert!(clean_uefi_nvram["argsinfo"]["match_patterns"].is_object());
    let expected = json!({
        "clean_steps": {"FerricAgent": [
            clean_step("erase_devices", 10), clean_step("erase_devices_metadata", 99),
            clean_step("erase_devices_express", 0), clean_step("erase_pstore", 0),
             clean_step("burnin_cpu", 0), clean_step("burnin_memory", 0), clean_step("burnin_disk", 0),
             clean_step("burnin_network", 0), clean_uefi_nvram,
             raid_step("delete_configuration"), raid_step("create_configuration"),
        ]},
        "hardware_manager_version": {"ferric_agent": "1"},
    });
    assert_eq!(clean["command_result"], expected);
    let deploy = api
        .command("deploy.get_deploy_steps", params.clone())
        .await
        .body;
    let steps = deploy["command_result"]["deploy_steps"]["FerricAgent"]
        .as_array()
        .unwrap();
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    let expected = [
        "erase_devices_metadata",
        "clean_uefi_nvram",
        "inject_files",
        "execute_bootc_install",
        "write_image",
        "apply_configuration",
    ];
    assert_eq!(names, expected);
    let service = api.command("service.get_service_steps", params).await.body;
    let steps = service["command_result"]["service_steps"]["FerricAgent"]
        .as_array()
        .unwrap();
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    let expected = [
        "inject_files",
        "execute_bootc_install",
        "burnin_cpu",
        "burnin_memory",
        "burnin_network",
        "delete_configuration",
        "create_configuration",
        "apply_configuration",
    ];
    assert_eq!(names, expected);
    assert_eq!(steps[5], raid_step("delete_configuration"));
    assert_eq!(steps[6], raid_step("create_configuration"));
}

async fn step_error(api: &Api, name: &str, params: Value) -> (String, Value) {
    let result = api.finished(name, params).await;
    assert_eq!(result["command_result"], Value::Null, "{result}");
    (
        result["command_status"].as_str().unwrap().to_owned(),
        result["command_error"].clone(),
    )
}

#[tokio::test]
async fn steps_that_cannot_be_run_fail_with_a_sentence() {
    let (_conductor, _place, _agent, api) = serving().await;
    let node = json!({"uuid": crate::conductor::NODE});
    let step = json!({"interface": "deploy", "step": "burnin_moon", "args": {}});
    let params =
        json!({"step": step, "node": node, "ports": [], "clean_version": {"ferric_agent": "1"}});
    let (status, error) = step_error(&api, "clean.execute_clean_step", params).await;
    assert_eq!(status, "FAILED");
    let expected = json!({
        "type": "CleaningError", "code": 500, "message": "Clean step failed",
        "details": "this agent has no clean step \"burnin_moon\"; it has: erase_devices, erase_devices_metadata, \
            erase_devices_express, erase_pstore, burnin_cpu, burnin_memory, burnin_disk, burnin_network, \
             clean_uefi_nvram, delete_configuration, create_configuration",
    });
    assert_eq!(error, expected);

    let params = json!({"step": step, "node": node, "ports": [], "clean_version": {"generic_hardware_manager": "1.2"}});
    let (status, error) = step_error(&api, "clean.execute_clean_step", params).await;
    assert_eq!(status, "CLEAN_VERSION_MISMATCH");
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("VersionMismatch"), &json!(409))
    );

    let (status, error) =
        step_error(&api, "deploy.execute_deploy_step", json!({"node": node})).await;
    assert_eq!(status, "FAILED");
    assert_eq!(error["type"], "CommandExecutionError");
    assert!(
        error["details"]
            .as_str()
            .unwrap()
            .contains("\"step\" is missing"),
        "{error}"
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
