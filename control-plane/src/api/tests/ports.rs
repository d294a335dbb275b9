//! Ports as resources.

use super::fixture::{Answer, Server};
use super::ironic;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const ADDRESS: &str = "52:54:00:00:00:01";

async fn create(server: &Server, body: Value) -> Answer {
    server.call(Method::POST, "/v1/ports", body).await
}

#[tokio::test]
async fn a_port_from_its_making_to_its_end() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let made = create(
        &server,
        json!({"address": "52:54:00:00:00:01", "node_uuid": node}),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    let id = made.body["uuid"].as_str().unwrap();
    let path = format!("/v1/ports/{id}");
    assert_eq!(made.headers["location"], format!("http://api{path}"));
    assert_eq!(made.body["pxe_enabled"], true);
    for minor in 1..=115 {
        let answer = server
            .call_in(&format!("1.{minor}"), Method::GET, &path, Value::Null)
            .await;
        let shown = answer.body.as_object().unwrap();
        ironic::check_keys("port", minor, |_| {
            shown.keys().map(String::as_str).collect()
        });
    }
    let patch = json!([
        {"op": "add", "path": "/local_link_connection", "value": {"port_id": "1", "switch_id": "AA:BB:CC:00:00:01"}},
        {"op": "add", "path": "/extra/slot", "value": 1},
    ]);
    let changed = server.call(Method::PATCH, &path, patch).await;
    assert_eq!(
        changed.body["local_link_connection"]["switch_id"],
        "aa:bb:cc:00:00:01"
    );
    assert_eq!(changed.body["extra"], json!({"slot": 1}));
    let gone = server.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start().await;
    let node = server.node("a").await;
    create(&server, json!({"address": ADDRESS, "node_uuid": node})).await;
    let check = async |body: Value, status: u16| {
        let answer = create(&server, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.fault());
    };
    check(json!({"address": ADDRESS, "node_uuid": node}), 409).await;
    let uuid = json!({"address": "52:54:00:00:00:07", "node_uuid": node, "uuid": node});
    check(uuid.clone(), 201).await;
    let mut again = uuid;
    again["address"] = json!("52:54:00:00:00:08");
    let again = create(&server, again).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let expected = format!("A port with UUID {node} already exists.");
    assert_eq!(again.fault(), expected);
    check(
        json!({"address": "52-54-00-00-00-02", "node_uuid": node}),
        400,
    )
    .await;
    check(json!({"address": "52:54:00:00:00:02"}), 400).await;
    check(
        json!({"address": "52:54:00:00:00:02", "node_uuid": "a"}),
        400,
    )
    .await;
    check(json!({"address": "52:54:00:00:00:02", "node_uuid": "5be26c0b-03f2-4d2e-ae87-c02d7f33c781"}), 400).await;
    check(
        json!({"address": "52:54:00:00:00:02", "node_uuid": node, "bogus": 1}),
        400,
    )
    .await;
    check(
        json!({"address": "52:54:00:00:00:02", "node_uuid": node, "portgroup_uuid": node}),
        400,
    )
    .await;
    check(
        json!({"address": "52:54:00:00:00:02", "node_ident": "a"}),
        201,
    )
    .await;
    let old = json!({"address": "52:54:00:00:00:03", "node_uuid": node, "physical_network": "p"});
    let answer = server.call_in("1.33", Method::POST, "/v1/ports", old).await;
    assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_port_with_a_virtual_interface_is_deleted_in_maintenance_only() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let instance = json!([
        {"op": "add", "path": "/network_interface", "value": "standalone"},
        {"op": "add", "path": "/instance_uuid", "value": "5be26c0b-03f2-4d2e-ae87-c02d7f33c781"},
    ]);
    server.call(Method::PATCH, "/v1/nodes/a", instance).await;
    let new = async |address: &str| {
        let port = json!({"address": address, "node_uuid": node});
        let made = create(&server, port).await;
        format!("/v1/ports/{}", made.body["uuid"].as_str().unwrap())
    };
    let delete = async |path: &str| server.call(Method::DELETE, path, Value::Null).await.status;
    let port = new(ADDRESS).await;
    let vif = json!({"id": "one"});
    server.call(Method::POST, "/v1/nodes/a/vifs", vif).await;
    let free = new("52:54:00:00:00:02").await;
    assert_eq!(delete(&free).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&port).await, StatusCode::CONFLICT);
    let maintenance = "/v1/nodes/a/maintenance";
    server.call(Method::PUT, maintenance, json!({})).await;
    assert_eq!(delete(&port).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_port_moves_to_a_node_that_may_get_it() {
    let server = Server::start().await;
    let first = server.node("a").await;
    let second = server.node("b").await;
    let port = json!({"address": ADDRESS, "node_uuid": first});
    let made = create(&server, port).await.body;
    let path = format!("/v1/ports/{}", made["uuid"].as_str().unwrap());
    let to = async |node: &str| {
        let patch = json!([{"op": "replace", "path": "/node_uuid", "value": node}]);
        server.call(Method::PATCH, &path, patch).await
    };
    assert_eq!(to("b").await.status, StatusCode::BAD_REQUEST);
    let missing = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    assert_eq!(to(missing).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(to(&second).await.body["node_uuid"], second.as_str());
    assert_eq!(to(&first).await.body["node_uuid"], first.as_str());
    for (verb, state) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("b", json!({"target": verb}), state).await;
    }
    assert_eq!(to(&second).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_address_stays_while_its_node_is_used_and_the_wiring_while_it_may_be() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let made = create(&server, json!({"address": ADDRESS, "node_uuid": node}));
    let path = format!("/v1/ports/{}", made.await.body["uuid"].as_str().unwrap());
    let change = async |field: &str, value: Value| {
        let patch = json!([{"op": "add", "path": format!("/{field}"), "value": value}]);
        server.call(Method::PATCH, &path, patch).await.status
    };
    for (verb, state) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("a", json!({"target": verb}), state).await;
    }
    assert_eq!(change("address", json!("52:54:00:00:00:08")).await, 200);
    assert_eq!(change("pxe_enabled", json!(false)).await, 409);
    server
        .provision("a", json!({"target": "active"}), "active")
        .await;
    assert_eq!(change("address", json!("52:54:00:00:00:09")).await, 409);
    let maintenance = "/v1/nodes/a/maintenance";
    server.call(Method::PUT, maintenance, json!({})).await;
    assert_eq!(change("address", json!("52:54:00:00:00:09")).await, 200);
    assert_eq!(change("pxe_enabled", json!(false)).await, 200);
}

#[tokio::test]
async fn flags_that_are_on_by_default_go_back_to_it() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let flags = ["pxe_enabled", "available_for_dynamic_portgroup"];
    let mut body = json!({"address": ADDRESS, "node_uuid": node});
    for flag in flags {
        body[flag] = Value::Null;
    }
    let made = create(&server, body).await.body;
    let path = format!("/v1/ports/{}", made["uuid"].as_str().unwrap());
    for flag in flags {
        assert_eq!(made[flag], true, "{flag}");
        let off = json!([{"op": "replace", "path": format!("/{flag}"), "value": false}]);
        let changed = server.call(Method::PATCH, &path, off).await;
        assert_eq!(changed.body[flag], false, "{flag}");
        let remove = json!([{"op": "remove", "path": format!("/{flag}")}]);
        let changed = server.call(Method::PATCH, &path, remove).await;
        assert_eq!(changed.body[flag], true, "{flag}");
    }
}

#[tokio::test]
async fn lists_are_filtered() {
    let server = Server::start().await;
    let first = server.node("a").await;
    let second = server.node("b").await;
    for (address, node) in [
        ("52:54:00:00:00:01", &first),
        ("52:54:00:00:00:02", &second),
    ] {
        create(&server, json!({"address": address, "node_uuid": node})).await;
    }
    let count = async |path: &str| {
        let answer = server.get(path).await;
        let ports = answer.body["ports"].as_array();
        ports
            .unwrap_or_else(|| panic!("{path}: {}", answer.fault()))
            .len()
    };
    assert_eq!(count("/v1/ports").await, 2);
    assert_eq!(count("/v1/ports?node=b").await, 1);
    assert_eq!(count(&format!("/v1/ports?node_uuid={first}")).await, 1);
    assert_eq!(count("/v1/ports?address=52:54:00:00:00:02").await, 1);
    assert_eq!(count("/v1/ports?address=52:54:00:00:00:09").await, 0);
    assert_eq!(count("/v1/nodes/a/ports/detail").await, 1);
    assert_eq!(count("/v1/ports?conductor_groups=,none").await, 2);
    assert_eq!(count("/v1/ports?conductor_groups=none,other").await, 0);
    for other in ["node=a", "portgroup=x", "address=52:54:00:00:00:02"] {
        let path = format!("/v1/ports?conductor_groups=a&{other}");
        assert_eq!(
            server.get(&path).await.status,
            StatusCode::BAD_REQUEST,
            "{other}"
        );
    }
    for key in ["pxe_enabled", "is_smartnic", "category", "vendor"] {
        assert_eq!(count(&format!("/v1/ports?sort_key={key}")).await, 2);
    }
    let fields = server
        .get("/v1/ports?fields=node_uuid,uuid,address&limit=1")
        .await
        .body;
    assert_eq!(fields["ports"][0].as_object().unwrap().len(), 4);
    assert!(fields["next"].is_string());
    assert_eq!(
        server.get("/v1/ports?node=nobody").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_virtual_interface_takes_a_free_port() {
    let server = Server::start().await;
    let node = server.node("a").await;
    network(&server, "standalone").await;
    create(&server, json!({"address": ADDRESS, "node_uuid": node})).await;
    let attach = async |id: &str| {
        server
            .call(Method::POST, "/v1/nodes/a/vifs", json!({"id": id}))
            .await
            .status
            .as_u16()
    };
    let refuses = async |body: Value, text: &str| {
        let answer = server.call(Method::POST, "/v1/nodes/a/vifs", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.fault());
        assert!(answer.fault().contains(text), "{}", answer.fault());
    };
    refuses(json!({"id": "one", "portgroup_uuid": 5}), "a text").await;
    let both = json!({"id": "one", "portgroup_uuid": node, "port_uuid": node});
    refuses(both, "together").await;
    refuses(json!({"id": "one", "port_uuid": 5}), "a text").await;
    assert_eq!(attach("one").await, 204);
    assert_eq!(attach("one").await, 409);
    assert_eq!(attach("two").await, 400);
    assert_eq!(
        server.get("/v1/nodes/a/vifs").await.body,
        json!({"vifs": [{"id": "one"}]})
    );
    let gone = server
        .call(Method::DELETE, "/v1/nodes/a/vifs/one", Value::Null)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.get("/v1/nodes/a/vifs").await.body,
        json!({"vifs": []})
    );
    // Whoever serves them has none of such a name.
    network(&server, "noop").await;
    let odd = server.call(Method::DELETE, "/v1/nodes/a/vifs/a%20b", Value::Null);
    let odd = odd.await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    assert!(odd.fault().contains("\"a b\" is no virtual interface"));
}

async fn network(server: &Server, name: &str) {
    let patch = json!([{"op": "add", "path": "/network_interface", "value": name}]);
    let answer = server.call(Method::PATCH, "/v1/nodes/a", patch).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
}

#[tokio::test]
async fn the_network_interface_says_what_becomes_of_virtual_interfaces() {
    let server = Server::start().await;
    let node = server.node("a").await;
    create(&server, json!({"address": ADDRESS, "node_uuid": node})).await;
    let calls = [
        (Method::GET, "/v1/nodes/a/vifs", Value::Null),
        (Method::POST, "/v1/nodes/a/vifs", json!({"id": "one"})),
        (Method::DELETE, "/v1/nodes/a/vifs/one", Value::Null),
    ];
    for (name, expected) in [
        ("noop", [200, 204, 204]),
        ("flat", [400; 3]),
        ("standalone", [200, 204, 204]),
    ] {
        network(&server, name).await;
        for ((method, path, body), expected) in calls.iter().zip(expected) {
            let answer = server.call(method.clone(), path, body.clone()).await;
            assert_eq!(answer.status, expected, "{name} {method}");
            if name == "flat" {
                assert!(
                    answer
                        .fault()
                        .contains("set network_interface to standalone")
                );
            }
        }
        assert_eq!(
            server
                .call(Method::POST, "/v1/nodes/a/vifs", json!({"id": "two"}))
                .await
                .status
                .is_success(),
            name != "flat"
        );
        let listed = server.get("/v1/nodes/a/vifs").await.body;
        if name == "noop" {
            assert_eq!(listed, json!({"vifs": []}), "it keeps nothing");
        }
    }
    let gone = server
        .call(Method::DELETE, "/v1/nodes/a/vifs/one", Value::Null)
        .await;
    assert_eq!(gone.status, StatusCode::BAD_REQUEST);
    assert!(gone.fault().contains("not attached"), "{}", gone.fault());
}

#[tokio::test]
async fn a_virtual_interface_goes_where_its_physical_network_is() {
    let server = Server::start().await;
    let node = server.node("a").await;
    network(&server, "standalone").await;
    for (address, more) in [
        ("52:54:00:00:00:01", json!({"physical_network": "red"})),
        ("52:54:00:00:00:02", json!({"pxe_enabled": true})),
        (
            "52:54:00:00:00:03",
            json!({"physical_network": "blue", "pxe_enabled": false}),
        ),
    ] {
        let mut port = json!({"address": address, "node_uuid": node});
        let more = more.as_object().unwrap().clone();
        port.as_object_mut().unwrap().extend(more);
        assert_eq!(create(&server, port).await.status, StatusCode::CREATED);
    }
    let attach = async |id: &str| {
        let body = json!({"id": id, "physical_network": "blue"});
        let answer = server.call(Method::POST, "/v1/nodes/a/vifs", body).await;
        answer.status.as_u16()
    };
    let address_of = async |id: &str| {
        let ports = server.get("/v1/ports/detail").await.body;
        let mut ports = ports["ports"].as_array().unwrap().iter();
        let found = ports.find(|port| port["internal_info"]["tenant_vif_port_id"] == id);
        found.unwrap()["address"].clone()
    };
    assert_eq!(attach("one").await, 204);
    assert_eq!(
        address_of("one").await,
        "52:54:00:00:00:03",
        "the one in it"
    );
    assert_eq!(attach("two").await, 204);
    assert_eq!(
        address_of("two").await,
        "52:54:00:00:00:02",
        "nothing is known of it"
    );
    assert_eq!(attach("three").await, 400, "the red one is no choice");
}
