//! What ramdisks ask for: lookup, heartbeat, and a place for what inspection found.

use super::fixture::{Server, send};
use ferric_model::ids::{NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_store::{Key, Table, Transaction};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;
use uuid::Uuid;

pub(super) const ADDRESS: &str = "52:54:00:00:00:01";

/// A node whose ramdisk is expected, as a conductor that went away would have left it.
pub(super) async fn waiting(server: &Server) -> NodeId {
    let id: NodeId = server.node("a").await.parse().unwrap();
    let store = server.conductor.store();
    let record = store
        .get(&Key::new(Table::Node, id))
        .await
        .unwrap()
        .unwrap();
    let mut node: Node = record.decode().unwrap();
    node.provision_state = ProvisionState::CleanWait;
    node.target_provision_state = Some(ProvisionState::Available);
    node.instance_info
        .insert("configdrive".to_owned(), json!("drive of the instance"));
    let port = Port::new(
        PortId(Uuid::new_v4()),
        ADDRESS.parse().unwrap(),
        id,
        server.conductor.now(),
    );
    store
        .commit(Transaction::new().put(&node).put(&port))
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn lookup_answers_what_ironic_answers() {
    let server = Server::start().await;
    let id = waiting(&server).await;
    let path = format!("/v1/lookup?addresses={ADDRESS},52:54:00:00:00:99,not-a-mac");
    let answer = send(&server.machine, "1.62", Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    assert_eq!(answer.body["node"]["uuid"], id.to_string());
    assert!(!answer.body.to_string().contains("drive of the instance"));
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let node = [
        "uuid",
        "properties",
        "instance_info",
        "driver_internal_info",
        "links",
    ];
    assert_eq!(keys(&answer.body["node"]), node.map(str::to_owned).into());
    let config = [
        "metrics",
        "metrics_statsd",
        "heartbeat_timeout",
        "agent_containers",
        "agent_token",
        "agent_token_required",
        "agent_md5_checksum_enable",
        "disable_deep_image_inspection",
        "permitted_image_formats",
        "agent_skip_bmc_detect",
        "enable_bios_bootloader_install",
        "tls_min_version",
        "tls_cipher_suites",
    ];
    assert_eq!(
        keys(&answer.body["config"]),
        config.map(str::to_owned).into()
    );
    assert!(answer.body["config"]["agent_token"].as_str().unwrap().len() >= 32);
    assert_eq!(
        answer.body["config"]["enable_bios_bootloader_install"],
        false
    );
}

#[tokio::test]
async fn agents_are_allowed_to_let_images_install_their_boot_loader() {
    let server = Server::start_with(|settings| {
        settings.agent.enable_bios_bootloader_install = true;
    })
    .await;
    waiting(&server).await;
    let path = format!("/v1/lookup?addresses={ADDRESS}");
    let answer = send(&server.machine, "1.62", Method::GET, &path, "").await;
    assert_eq!(
        answer.body["config"]["enable_bios_bootloader_install"],
        true
    );
}

#[tokio::test]
async fn extensions_are_answered_to_those_who_offer_them() {
    let server = Server::start().await;
    waiting(&server).await;
    let request = Request::get(format!("/v1/lookup?addresses={ADDRESS}"))
        .header("X-OpenStack-Ironic-API-Version", "1.62")
        .header("X-Ferric-Agent", "progress, telepathy")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = server.machine.clone().oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        body["config"]["ferric"],
        json!({"extensions": ["progress"]})
    );
}

#[tokio::test]
async fn every_failed_lookup_looks_the_same() {
    let server = Server::start().await;
    let idle = server.node("idle").await;
    let check = async |version: &str, query: &str, expected: u16| {
        let path = format!("/v1/lookup{query}");
        let answer = send(&server.machine, version, Method::GET, &path, "").await;
        assert_eq!(answer.status.as_u16(), expected, "{query}");
        answer.fault()
    };
    let unknown = check("1.62", "?addresses=52:54:00:00:00:77", 404).await;
    assert_eq!(
        check("1.62", &format!("?node_uuid={idle}"), 404).await,
        unknown
    );
    assert_eq!(
        check("1.21", "?addresses=52:54:00:00:00:77", 404).await,
        unknown
    );
    check("1.62", "", 400).await;
    check("1.62", "?addresses=nonsense", 400).await;
    check("1.62", "?bogus=1", 400).await;
}

#[tokio::test]
async fn heartbeats_need_the_token_that_was_given_out() {
    let server = Server::start().await;
    let id = waiting(&server).await;
    let found = send(
        &server.machine,
        "1.62",
        Method::GET,
        &format!("/v1/lookup?node_uuid={id}"),
        "",
    )
    .await;
    let token = found.body["config"]["agent_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/heartbeat/{id}");
    let beat = async |version: &str, token: &str, more: Value| {
        let mut body = json!({
            "callback_url": "https://192.0.2.9:9999",
            "agent_version": "1.0",
            "agent_token": token,
        });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let body = body.to_string();
        let answer = send(&server.machine, version, Method::POST, &path, body).await;
        (answer.status.as_u16(), answer.fault())
    };
    let certificate = json!({"agent_verify_ca": "PEM"});
    for (version, token, more, text) in [
        ("1.72", "wrong", certificate.clone(), "token"),
        ("1.72", &token, json!({"agent_token": null}), "token"),
        ("1.72", &token, json!({"bogus": 1}), "bogus"),
        ("1.67", &token, certificate.clone(), "1.68"),
        (
            "1.72",
            &token,
            json!({"agent_status": "bored"}),
            "agent_status",
        ),
        (
            "1.72",
            &token,
            json!({"callback_url": null}),
            "callback_url",
        ),
    ] {
        let (status, fault) = beat(version, token, more).await;
        assert_eq!(status, 400, "{fault}");
        assert!(fault.to_lowercase().contains(text), "{fault}");
    }
    assert_eq!(
        beat("1.72", &token, certificate).await,
        (202, String::new())
    );
    let path = format!("/v1/nodes/{id}");
    let info = server.get(&path).await.body["driver_internal_info"].clone();
    assert_eq!(info["agent_url"], "https://192.0.2.9:9999");
    assert_eq!(info["agent_secret_token"], "******");
}

#[tokio::test]
async fn inspection_data_must_be_an_inventory() {
    let server = Server::start().await;
    let interfaces = json!([{"mac_address": "52:54:00:00:00:77"}]);
    let check = async |version: &str, body: Value, expected: u16| {
        let answer = send(
            &server.machine,
            version,
            Method::POST,
            "/v1/continue_inspection",
            body.to_string(),
        )
        .await;
        assert_eq!(
            answer.status.as_u16(),
            expected,
            "{body}: {}",
            answer.fault()
        );
    };
    check("1.84", json!({}), 400).await;
    check("1.84", json!({"inventory": {"interfaces": []}}), 400).await;
    check(
        "1.84",
        json!({"inventory": {"interfaces": [{"name": "eth0"}]}}),
        400,
    )
    .await;
    check(
        "1.84",
        json!({"inventory": {"interfaces": [{"mac_address": "x"}]}}),
        400,
    )
    .await;
    check(
        "1.84",
        json!({"inventory": {"interfaces": interfaces}}),
        404,
    )
    .await;
    check("1.1", json!({"inventory": {"interfaces": interfaces}}), 404).await;
    check(
        "1.83",
        json!({"inventory": {"interfaces": interfaces}}),
        404,
    )
    .await;
}

#[tokio::test]
async fn an_operators_listener_can_turn_ramdisks_away() {
    let server = Server::start_with(|settings| settings.ramdisk_endpoints = false).await;
    let id = waiting(&server).await;
    let lookup = format!("/v1/lookup?node_uuid={id}");
    let heartbeat = format!("/v1/heartbeat/{id}");
    let asked = [
        (Method::GET, lookup.as_str()),
        (Method::POST, heartbeat.as_str()),
        (Method::POST, "/v1/continue_inspection"),
    ];
    for version in ["1.1", "latest"] {
        for (method, path) in asked.clone() {
            let answer = send(&server.operator, version, method, path, "{}").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} in {version}");
            assert!(answer.fault().contains("ramdisks"), "{}", answer.fault());
        }
    }
    let wrong = send(&server.operator, "latest", Method::POST, &lookup, "{}").await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.get("/v1/nodes").await.status, StatusCode::OK);
    let machine = send(&server.machine, "1.62", Method::GET, &lookup, "").await;
    assert_eq!(machine.status, StatusCode::OK, "{}", machine.fault());
}

#[tokio::test]
async fn a_machine_can_be_told_who_it_is_in_every_state() {
    let server = Server::start_with(|settings| settings.restrict_lookup = false).await;
    let idle = server.node("idle").await;
    let path = format!("/v1/lookup?node_uuid={idle}");
    let answer = send(&server.machine, "1.62", Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    assert_eq!(answer.body["node"]["uuid"], idle);
}
