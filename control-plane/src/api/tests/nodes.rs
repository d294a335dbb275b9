//! Nodes as resources: making, showing, listing, changing, deleting.

use super::fixture::{Answer, Server};
use http::{Method, StatusCode};
use serde_json::{Value, json};

pub(super) async fn patch(server: &Server, node: &str, patch: Value) -> Answer {
    server
        .call(Method::PATCH, &format!("/v1/nodes/{node}"), patch)
        .await
}

pub(super) fn refused(answer: &Answer, status: u16, text: &str) {
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), status, "{fault}");
    assert!(fault.contains(text), "{fault}");
}

#[tokio::test]
async fn a_new_node_is_shown_whole_with_its_secrets_masked() {
    let server = Server::start().await;
    let body = json!({
        "driver": "fake-hardware",
        "name": "a",
        "driver_info": {"x_password": "very secret", "address": "10.0.0.1"},
        "instance_info": {"image_url": "http://i?signature", "image_source": "http://i"},
        "automated_clean": "false",
        "conductor_group": null,
    });
    let made = server.call(Method::POST, "/v1/nodes", body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (id, node) = (made.body["uuid"].as_str().unwrap(), &made.body);
    assert_eq!(
        made.headers["location"],
        format!("http://api/v1/nodes/{id}")
    );
    assert_eq!(node["provision_state"], "enroll");
    assert_eq!(
        node["driver_info"],
        json!({"x_password": "******", "address": "10.0.0.1"})
    );
    assert_eq!(
        node["instance_info"],
        json!({"image_url": "******", "image_source": "http://i"})
    );
    assert_eq!(node["automated_clean"], false);
    assert_eq!(node["boot_interface"], "fake");
    assert_eq!(
        node["conductor"],
        server.get("/v1/conductors").await.body["conductors"][0]["hostname"]
    );
    assert_eq!(node["deploy_step"], json!({}));
    assert!(node["created_at"].as_str().unwrap().ends_with("+00:00"));
    assert_eq!(&server.get("/v1/nodes/a").await.body, node);
    assert_eq!(node.as_object().unwrap().len(), 69);
}

#[tokio::test]
async fn what_is_refused_at_creation() {
    let server = Server::start().await;
    server.node("a").await;
    let check = async |body: Value, status: u16, text: &str| {
        refused(
            &server.call(Method::POST, "/v1/nodes", body).await,
            status,
            text,
        );
    };
    check(json!({}), 400, "driver must be there").await;
    check(json!({"driver": "none"}), 400, "none").await;
    check(json!({"driver": "fake-hardware", "name": "a"}), 409, "a").await;
    check(
        json!({"driver": "fake-hardware", "name": "states"}),
        400,
        "states",
    )
    .await;
    check(json!({"driver": "fake-hardware", "bogus": 1}), 400, "bogus").await;
    check(
        json!({"driver": "fake-hardware", "protected": true}),
        400,
        "protected",
    )
    .await;
    check(
        json!({"driver": "fake-hardware", "extra": []}),
        400,
        "an object",
    )
    .await;
    check(
        json!({"driver": "fake-hardware", "deploy_interface": "none"}),
        400,
        "none",
    )
    .await;
    check(
        json!({"driver": "fake-hardware", "conductor_group": "elsewhere"}),
        400,
        "elsewhere",
    )
    .await;
    check(
        json!({"driver": "fake-hardware", "driver_info": {"p": "******"}}),
        400,
        "never stored",
    )
    .await;
    let size = json!({"driver": "fake-hardware", "properties": {"memory_mb": "much"}});
    check(size, 400, "memory_mb must be a whole number").await;
    let old = json!({"driver": "fake-hardware", "resource_class": "x"});
    refused(
        &server.call_in("1.20", Method::POST, "/v1/nodes", old).await,
        406,
        "1.21",
    );
}

#[tokio::test]
async fn old_versions_see_old_names() {
    let server = Server::start().await;
    let body = json!({"driver": "fake-hardware"});
    let made = server
        .call_in("1.10", Method::POST, "/v1/nodes", body)
        .await;
    assert_eq!(made.body["provision_state"], "available");
    let path = format!("/v1/nodes/{}", made.body["uuid"].as_str().unwrap());
    let old = server
        .call_in("1.1", Method::GET, &path, Value::Null)
        .await
        .body;
    assert_eq!(old["provision_state"], Value::Null);
    assert_eq!(old.as_object().unwrap().len(), 22);
    server.node("named").await;
    let by_name = server
        .call_in("1.4", Method::GET, "/v1/nodes/named", Value::Null)
        .await;
    assert_eq!(by_name.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_are_paged_sorted_and_filtered() {
    let server = Server::start().await;
    for name in ["c", "a", "b"] {
        server.node(name).await;
    }
    let names = async |query: &str| {
        let found = server.get(&format!("/v1/nodes?{query}")).await.body;
        let nodes = found["nodes"].as_array().unwrap().clone();
        let names: Vec<String> = nodes
            .iter()
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        (names.join(""), found["next"].as_str().map(str::to_owned))
    };
    assert_eq!(names("").await.0, "cab");
    assert_eq!(names("sort_key=name").await.0, "abc");
    assert_eq!(names("sort_key=name&sort_dir=desc").await.0, "cba");
    let (first, next) = names("sort_key=name&limit=2").await;
    assert_eq!(first, "ab");
    let next = next.unwrap();
    assert!(
        next.starts_with("http://api/v1/nodes?sort_key=name&limit=2&marker="),
        "{next}"
    );
    assert_eq!(
        names(next.split_once('?').unwrap().1).await,
        ("c".to_owned(), None)
    );
    patch(
        &server,
        "b",
        json!([{"op": "add", "path": "/description", "value": "Third RACK"}]),
    )
    .await;
    patch(
        &server,
        "a",
        json!([{"op": "add", "path": "/maintenance", "value": true}]),
    )
    .await;
    assert_eq!(names("description_contains=rack&limit=1").await.0, "b");
    assert_eq!(names("maintenance=true").await.0, "a");
    assert_eq!(names("provision_state=available").await.0, "");
    assert_eq!(
        names("associated=false&driver=fake-hardware").await.0,
        "cab"
    );
    for query in [
        "limit=0",
        "sort_key=extra",
        "sort_dir=up",
        "marker=x",
        "provision_state=lost",
        "fields=bogus",
    ] {
        assert_eq!(
            server.get(&format!("/v1/nodes?{query}")).await.status,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
    let newer = server
        .call_in("1.7", Method::GET, "/v1/nodes?fields=uuid", Value::Null)
        .await;
    assert_eq!(newer.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_keeps_the_secrets() {
    let server = Server::start().await;
    server.node("a").await;
    let secret = json!([{"op": "add", "path": "/driver_info/x_password", "value": "very secret"}]);
    patch(&server, "a", secret).await;
    let changed = patch(
        &server,
        "a",
        json!([{"op": "add", "path": "/driver_info/address", "value": "10.0.0.2"}]),
    )
    .await;
    assert_eq!(
        changed.body["driver_info"],
        json!({"x_password": "******", "address": "10.0.0.2"})
    );
    let stored = stored(&server, "a").await;
    assert_eq!(stored.driver_info["x_password"], "very secret");
    let masked =
        json!([{"op": "replace", "path": "/driver_info", "value": {"x_password": "******"}}]);
    refused(&patch(&server, "a", masked).await, 400, "never stored");
    let path = "/driver_info/kernel_append_params";
    let text = json!([{"op": "add", "path": path, "value": "nofb token=abc x=1"}]);
    let shown = patch(&server, "a", text).await.body["driver_info"]["kernel_append_params"].take();
    assert_eq!(shown, "nofb token=****** x=1");
    let masked = json!([{"op": "replace", "path": path, "value": shown}]);
    refused(&patch(&server, "a", masked).await, 400, "never stored");
    let cleared = patch(
        &server,
        "a",
        json!([{"op": "remove", "path": "/driver_info"}]),
    )
    .await;
    assert_eq!(cleared.body["driver_info"], json!({}));
}

pub(super) async fn stored(server: &Server, name: &str) -> ferric_model::node::Node {
    let name = ferric_store::FieldValue::Text(name.to_owned());
    let query = ferric_store::Query::all(ferric_store::Table::Node).filter("name", vec![name]);
    let page = server.conductor.store().page(&query).await.unwrap();
    page.records[0].decode().unwrap()
}

#[tokio::test]
async fn fields_that_go_together() {
    let server = Server::start().await;
    server.node("a").await;
    let add = async |path: &str, value: Value| {
        patch(
            &server,
            "a",
            json!([{"op": "add", "path": path, "value": value}]),
        )
        .await
    };
    refused(
        &add("/protected", json!(true)).await,
        409,
        "active and rescue",
    );
    refused(
        &add("/protected_reason", json!("x")).await,
        400,
        "protected",
    );
    refused(&add("/retired_reason", json!("x")).await, 400, "retired");
    let retired = json!([{"op": "add", "path": "/retired", "value": true}, {"op": "add", "path": "/retired_reason", "value": "old"}]);
    assert_eq!(
        patch(&server, "a", retired).await.body["retired_reason"],
        "old"
    );
    assert_eq!(
        add("/retired", json!(false)).await.body["retired_reason"],
        Value::Null
    );
    assert_eq!(
        add("/instance_info/display_name", json!("web-1"))
            .await
            .body["instance_name"],
        "web-1"
    );
    let instance = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    assert_eq!(
        add("/instance_uuid", json!(instance)).await.status,
        StatusCode::OK
    );
    refused(
        &add(
            "/instance_uuid",
            json!("6be26c0b-03f2-4d2e-ae87-c02d7f33c781"),
        )
        .await,
        409,
        "another instance",
    );
    refused(&add("/chassis_uuid", json!(instance)).await, 400, "chassis");
    refused(&add("/boot_interface", json!("none")).await, 400, "none");
    let reset = server
        .call(
            Method::PATCH,
            "/v1/nodes/a?reset_interfaces=true",
            json!([]),
        )
        .await;
    refused(&reset, 400, "driver");
}

#[tokio::test]
async fn traits_maintenance_and_deletion() {
    let server = Server::start().await;
    server.node("a").await;
    let put =
        async |path: &str, body: Value| server.call(Method::PUT, path, body).await.status.as_u16();
    assert_eq!(
        put(
            "/v1/nodes/a/traits",
            json!({"traits": ["CUSTOM_A", "HW_CPU_X86_VMX"]})
        )
        .await,
        204
    );
    assert_eq!(put("/v1/nodes/a/traits/CUSTOM_B", Value::Null).await, 204);
    assert_eq!(put("/v1/nodes/a/traits/lower", Value::Null).await, 400);
    let removed = server
        .call(Method::DELETE, "/v1/nodes/a/traits/CUSTOM_A", Value::Null)
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.get("/v1/nodes/a/traits").await.body,
        json!({"traits": ["HW_CPU_X86_VMX", "CUSTOM_B"]})
    );
    assert_eq!(
        put("/v1/nodes/a/maintenance", json!({"reason": "a look"})).await,
        202
    );
    let node = server.get("/v1/nodes/a").await.body;
    assert_eq!(
        (&node["maintenance"], &node["maintenance_reason"]),
        (&json!(true), &json!("a look"))
    );
    let off = server
        .call(Method::DELETE, "/v1/nodes/a/maintenance", Value::Null)
        .await;
    assert_eq!(off.status, StatusCode::ACCEPTED);
    assert_eq!(
        server.get("/v1/nodes/a").await.body["maintenance_reason"],
        Value::Null
    );
    let gone = server
        .call(Method::DELETE, "/v1/nodes/a", Value::Null)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    refused(&server.get("/v1/nodes/a").await, 404, "could not be found");
}
