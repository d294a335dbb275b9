//! The service as a client sees it, on a machine with a real QEMU.

use std::collections::{BTreeMap, VecDeque};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::machine::tests::{HALT, Living};

const BASIC: &str = "Basic YWRtaW46cGFzc3dvcmQ=";
const SYSTEM: &str = "/redfish/v1/Systems/6f1b8a52-0f5e-4a52-9a0e-000000000001";

struct Client {
    bmc: Bmc,
    living: Living,
}

impl Client {
    async fn new() -> Client {
        let living = Living::with_guest(HALT).await;
        Client {
            bmc: Bmc::new(living.machine.clone()),
            living,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
        };
        self.bmc.router().oneshot(request.unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self
            .send(Method::GET, path, &[("authorization", BASIC)], None)
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        body_of(response).await
    }

    async fn status(&self, method: Method, path: &str, body: Value) -> u16 {
        self.send(method, path, &[("authorization", BASIC)], Some(body))
            .await
            .status()
            .as_u16()
    }
}

async fn body_of(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

/// Every link in a body, wherever it stands.
fn links(body: &Value, key: &str, found: &mut Vec<String>) {
    match body {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| links(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| links(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// All resources that can be reached from the root.
async fn crawl(client: &Client) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    let mut ahead = VecDeque::from([paths::ROOT.to_owned()]);
    while let Some(path) = ahead.pop_front() {
        let path = path.split('#').next().unwrap_or_default().to_owned();
        if seen.contains_key(&path) {
            continue;
        }
        let body = client.get(&path).await;
        let mut found = Vec::new();
        links(&body, "@odata.id", &mut found);
        ahead.extend(found);
        seen.insert(path, body);
    }
    seen
}

#[tokio::test]
async fn every_link_leads_to_a_resource_that_says_where_and_what_it_is() {
    let resources = crawl(&Client::new().await).await;
    for (path, body) in &resources {
        assert_eq!(body["@odata.id"], json!(path));
        assert!(
            body["@odata.type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with('#')),
            "{path}"
        );
        assert!(body["Name"].is_string(), "{path}");
        let members = body["Members"].as_array().map(Vec::len);
        assert_eq!(
            body["Members@odata.count"].as_u64(),
            members.map(|length| length as u64),
            "{path}"
        );
        assert!(members.is_some() || body["Id"].is_string(), "{path}");
    }
    assert!(
        resources.len() > 25,
        "only {} resources were reached",
        resources.len()
    );
}

#[tokio::test]
async fn every_action_has_a_target_that_takes_posts_only() {
    let client = Client::new().await;
    let mut targets = Vec::new();
    for body in crawl(&client).await.values() {
        links(&body["Actions"], "target", &mut targets);
    }
    assert!(targets.len() >= 6, "{targets:?}");
    for target in targets {
        let got = client
            .send(Method::GET, &target, &[("authorization", BASIC)], None)
            .await;
        assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED, "{target}");
        let posted = client.status(Method::POST, &target, json!({})).await;
        assert!([204, 400].contains(&posted), "{target}: {posted}");
    }
}

#[tokio::test]
async fn the_hardware_is_as_in_the_lab_file() {
    let client = Client::new().await;
    let system = client.get(SYSTEM).await;
    assert_eq!(system["MemorySummary"]["TotalSystemMemoryGiB"], json!(1.5));
    assert_eq!(system["ProcessorSummary"]["CoreCount"], json!(2));
    let drive = client.get(&format!("{SYSTEM}/Storage/SCSI/Drives/1")).await;
    let expected = json!({"CapacityBytes": 2 << 20, "SerialNumber": "S1", "MediaType": "HDD",
        "Identifiers": [{"DurableNameFormat": "NAA", "DurableName": "5000c50015ea7001"}]});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&drive[key], value, "{key}");
    }
    let sizes = client.get(&format!("{SYSTEM}/SimpleStorage/1")).await;
    let sizes: Vec<&Value> = sizes["Devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["CapacityBytes"])
        .collect();
    assert_eq!(sizes, [&json!(1 << 20), &json!(2 << 20)]);
}

#[tokio::test]
async fn strangers_are_refused_with_a_challenge() {
    let client = Client::new().await;
    for headers in [
        &[][..],
        &[("authorization", "Basic YWRtaW46d3Jvbmc=")],
        &[("x-auth-token", "made-up")],
    ] {
        let response = client.send(Method::GET, SYSTEM, headers, None).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
        let body = body_of(response).await;
        assert_eq!(
            body["error"]["@Message.ExtendedInfo"][0]["MessageId"],
            "Base.1.18.NoValidSession"
        );
    }
    for path in ["/redfish", paths::ROOT] {
        assert_eq!(
            client.send(Method::GET, path, &[], None).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_session_lives_from_post_to_delete() {
    let client = Client::new().await;
    let wrong = json!({"UserName": "admin", "Password": "wrong"});
    let refused = client
        .send(Method::POST, paths::SESSIONS, &[], Some(wrong))
        .await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let login = json!({"UserName": "admin", "Password": "password"});
    let opened = client
        .send(Method::POST, paths::SESSIONS, &[], Some(login))
        .await;
    assert_eq!(opened.status(), StatusCode::CREATED);
    let header = |name: &str| opened.headers()[name].to_str().unwrap().to_owned();
    let (token, location) = (header("x-auth-token"), header("location"));
    let with_token = [("x-auth-token", token.as_str())];
    for (method, path, expected) in [
        (Method::GET, SYSTEM, 200),
        (Method::GET, location.as_str(), 200),
        (Method::DELETE, location.as_str(), 204),
        (Method::GET, SYSTEM, 401),
    ] {
        let response = client.send(method.clone(), path, &with_token, None).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_restart_of_the_bmc_ends_sessions() {
    let client = Client::new().await;
    let (_, token) = client.bmc.sessions.lock().open("admin");
    let reset = format!("{}/Actions/Manager.Reset", paths::MANAGER);
    assert_eq!(client.status(Method::POST, &reset, json!({})).await, 204);
    let response = client
        .send(Method::GET, SYSTEM, &[("x-auth-token", &token)], None)
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_override_is_changed_in_parts_and_read_back() {
    let client = Client::new().await;
    let boot = async || {
        let boot = &client.get(SYSTEM).await["Boot"];
        ["Target", "Enabled", "Mode"].map(|key| boot[format!("BootSourceOverride{key}")].clone())
    };
    for (patch, expected) in [
        (
            json!({"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}),
            ["Pxe", "Once", "Legacy"],
        ),
        (
            json!({"BootSourceOverrideEnabled": "Continuous"}),
            ["Pxe", "Continuous", "Legacy"],
        ),
        (
            json!({"BootSourceOverrideMode": "UEFI"}),
            ["Pxe", "Continuous", "UEFI"],
        ),
    ] {
        assert_eq!(
            client
                .status(Method::PATCH, SYSTEM, json!({"Boot": patch}))
                .await,
            204,
            "{patch}"
        );
        assert_eq!(boot().await, expected.map(|text| json!(text)), "{patch}");
    }
    for patch in [
        json!({"Boot": {"BootSourceOverrideTarget": "Floppy"}}),
        json!({"Boot": {"BootSourceOverrideTarget": null}}),
        json!({"Boot": {"BootOrder": []}}),
        json!({"Boot": 1}),
        json!({"PowerState": "On"}),
        json!([]),
    ] {
        assert_eq!(
            client.status(Method::PATCH, SYSTEM, patch.clone()).await,
            400,
            "{patch}"
        );
    }
    assert_eq!(
        boot().await,
        ["Pxe", "Continuous", "UEFI"].map(|text| json!(text)),
        "a refused change changes nothing"
    );
}

#[tokio::test]
async fn an_old_entity_tag_is_refused() {
    let client = Client::new().await;
    let got = client
        .send(Method::GET, SYSTEM, &[("authorization", BASIC)], None)
        .await;
    let old = got.headers()[header::ETAG].to_str().unwrap().to_owned();
    let patch = async |tag: &str, target: &str| {
        let body = json!({"Boot": {"BootSourceOverrideTarget": target}});
        let headers = [("authorization", BASIC), ("if-match", tag)];
        client
            .send(Method::PATCH, SYSTEM, &headers, Some(body))
            .await
            .status()
            .as_u16()
    };
    let weak = format!("W/{old}");
    assert_eq!(patch(&weak, "Pxe").await, 204);
    assert_eq!(
        [
            patch(&old, "Cd").await,
            patch(&weak, "Cd").await,
            patch("*", "Cd").await
        ],
        [412, 412, 204]
    );
}

#[tokio::test]
async fn resets_change_the_power_state_or_say_why_not() {
    let client = Client::new().await;
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (body, expected, power) in [
        (json!({"ResetType": "On"}), 204, "On"),
        (json!({"ResetType": "ForceRestart"}), 204, "On"),
        (json!({"ResetType": "ForceOff"}), 204, "Off"),
        (json!({"ResetType": "GracefulRestart"}), 409, "Off"),
        (json!({"ResetType": "Cut"}), 400, "Off"),
        (json!({}), 400, "Off"),
    ] {
        assert_eq!(
            client.status(Method::POST, &target, body.clone()).await,
            expected,
            "{body}"
        );
        assert_eq!(
            client.get(SYSTEM).await["PowerState"],
            json!(power),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_medium_is_shown_in_both_places() {
    let client = Client::new().await;
    let homes = [paths::MANAGER, SYSTEM].map(|home| format!("{home}/VirtualMedia/Cd"));
    let image = client.living.directory().join("boot.iso");
    std::fs::write(&image, vec![0; 4096]).unwrap();
    let url = format!("file://{}", image.display());
    let insert = format!("{}/Actions/VirtualMedia.InsertMedia", homes[0]);
    for bad in [
        json!({}),
        json!({"Image": "no url"}),
        json!({"Image": url, "WriteProtected": false}),
    ] {
        assert_eq!(
            client.status(Method::POST, &insert, bad.clone()).await,
            400,
            "{bad}"
        );
    }
    assert_eq!(
        client
            .status(Method::POST, &insert, json!({"Image": url}))
            .await,
        204
    );
    for home in &homes {
        let drive = client.get(home).await;
        let shown =
            ["Inserted", "Image", "ImageName", "ConnectedVia"].map(|key| drive[key].clone());
        assert_eq!(
            shown,
            [json!(true), json!(url), json!("boot.iso"), json!("URI")],
            "{home}"
        );
    }
    let eject = format!("{}/Actions/VirtualMedia.EjectMedia", homes[1]);
    assert_eq!(client.status(Method::POST, &eject, json!({})).await, 204);
    assert_eq!(client.get(&homes[0]).await["Inserted"], json!(false));
}

#[tokio::test]
async fn faults_come_before_everything_else_and_go_again() {
    let client = Client::new().await;
    client.bmc.set_fault(Fault {
        latency_ms: 0,
        status: Some(503),
    });
    assert_eq!(client.status(Method::GET, SYSTEM, json!(null)).await, 503);
    client.bmc.set_fault(Fault {
        latency_ms: 50,
        status: None,
    });
    let before = std::time::Instant::now();
    client.get(SYSTEM).await;
    assert!(before.elapsed().as_millis() >= 50);
    client.bmc.set_fault(Fault::default());
    client.get(SYSTEM).await;
}
