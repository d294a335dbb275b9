//! Port groups as resources, and the nodes that they are on.

mod members;

use super::fixture::{Answer, Server};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::{Key, Table, Transaction};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const GROUPS: &str = "/v1/portgroups";
const ADDRESS: &str = "52:54:00:00:00:01";

async fn group(server: &Server, body: Value) -> Value {
    let answer = server.call(Method::POST, GROUPS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    answer.body
}

/// A new port in the group.
async fn port(server: &Server, group: &Value, address: &str, more: Value) -> Answer {
    let mut body = json!({"address": address, "node_uuid": group["node_uuid"],
        "portgroup_uuid": group["uuid"]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    server.call(Method::POST, "/v1/ports", body).await
}

async fn patch(server: &Server, resource: &str, object: &Value, patch: Value) -> Answer {
    let path = format!("/v1/{resource}/{}", object["uuid"].as_str().unwrap());
    server.call(Method::PATCH, &path, patch).await
}

fn set(field: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!([{"op": "replace", "path": format!("/{field}"), "value": value}])
}

fn refused(answer: &Answer, status: u16, text: &str) {
    let fault = answer.fault();
    assert_eq!(answer.status.as_u16(), status, "{fault}");
    assert!(fault.contains(text), "{fault}");
}

/// The ids that a list shows.
async fn listed(server: &Server, path: &str, list: &str) -> Vec<String> {
    let answer = server.get(path).await;
    let items = answer.body[list].as_array();
    let items = items.unwrap_or_else(|| panic!("{path}: {}", answer.fault()));
    let id = |item: &Value| item["uuid"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

#[tokio::test]
async fn a_group_from_its_making_to_its_end() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let body = json!({"node_uuid": node, "name": "bond", "address": "52:54:00:AA:00:01"});
    let answer = server.call(Method::POST, GROUPS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.fault());
    let made = answer.body;
    let id = made["uuid"].as_str().unwrap();
    let path = format!("{GROUPS}/{id}");
    assert_eq!(answer.headers["location"], format!("http://api{path}"));
    assert_eq!(made["address"], "52:54:00:aa:00:01");
    assert_eq!(made["mode"], "active-backup");
    assert_eq!(made["standalone_ports_supported"], true);
    assert_eq!(made["dynamic_portgroup"], false);
    assert_eq!(made["ports"][0]["href"], format!("http://api{path}/ports"));
    assert_eq!(server.get(&format!("{GROUPS}/bond")).await.body, made);
    let change = json!([
        {"op": "add", "path": "/properties/miimon", "value": 100},
        {"op": "replace", "path": "/mode", "value": "802.3ad"},
        {"op": "remove", "path": "/address"},
        {"op": "remove", "path": "/standalone_ports_supported"},
    ]);
    let changed = server.call(Method::PATCH, &path, change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.fault());
    assert_eq!(changed.body["properties"], json!({"miimon": 100}));
    assert_eq!(changed.body["mode"], "802.3ad");
    assert!(changed.body["address"].is_null() && !changed.body["updated_at"].is_null());
    assert_eq!(changed.body["standalone_ports_supported"], true);
    let by_name = format!("{GROUPS}/bond");
    let gone = server.call(Method::DELETE, &by_name, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    refused(&server.get(&path).await, 404, "portgroup");
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let first = json!({"node_uuid": node, "name": "bond", "address": ADDRESS});
    let first = group(&server, first).await;
    let check = async |body: Value, status: u16, text: &str| {
        refused(&server.call(Method::POST, GROUPS, body).await, status, text);
    };
    let missing = "5be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    check(json!({}), 400, "node_uuid must be there").await;
    check(json!({"node_uuid": "a"}), 400, "must be a UUID").await;
    check(json!({"node_uuid": missing}), 400, "could not be found").await;
    let with = |key: &str, value: Value| {
        let mut body = json!({"node_uuid": node});
        body[key] = value;
        body
    };
    let name = "A portgroup with name bond already exists.";
    check(with("name", json!("bond")), 409, name).await;
    let address = "A portgroup with MAC address 52:54:00:00:00:01 already exists.";
    check(with("address", json!(ADDRESS)), 409, address).await;
    let id = "A portgroup with UUID";
    check(with("uuid", first["uuid"].clone()), 409, id).await;
    check(with("name", json!("a b")), 400, "a port group's name").await;
    check(with("address", json!("x")), 400, "a MAC address").await;
    check(with("extra", json!(1)), 400, "an object").await;
    check(with("internal_info", json!({})), 400, "internal_info").await;
    check(with("bogus", json!(1)), 400, "bogus").await;
    let change = json!([{"op": "remove", "path": "/mode"}]);
    let answer = patch(&server, "portgroups", &first, change).await;
    refused(&answer, 400, "mode is a mandatory");
    let kept = json!([{"op": "remove", "path": "/node_uuid"}]);
    let answer = patch(&server, "portgroups", &first, kept).await;
    assert_eq!(
        answer.body["node_uuid"],
        node.as_str(),
        "{}",
        answer.fault()
    );
    let unnamed = patch(&server, "portgroups", &first, set("name", "")).await;
    assert!(unnamed.body["name"].is_null(), "{}", unnamed.fault());
    let answer = patch(&server, "portgroups", &first, set("node_uuid", "a")).await;
    refused(&answer, 400, "must be a UUID");
    let answer = patch(&server, "portgroups", &first, set("uuid", missing)).await;
    refused(&answer, 400, "cannot be patched");
    // The address of a group may be that of a port: bonds often take it from one.
    let made = port(&server, &first, ADDRESS, json!({})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
}

/// Whoever may see the one group must not get at the other by it.
#[tokio::test]
async fn a_name_that_looks_like_the_uuid_of_another_group_is_that_of_its_own() {
    let server = Server::start().await;
    let (a, b) = (server.node("a").await, server.node("b").await);
    let first = group(&server, json!({"node_uuid": a})).await;
    let name = format!("{}.json", first["uuid"].as_str().unwrap());
    let path = format!("{GROUPS}/{name}");
    let shown = async || {
        server
            .call_in("1.72", Method::GET, &path, Value::Null)
            .await
    };
    assert_eq!(shown().await.body["uuid"], first["uuid"]);
    let second = group(&server, json!({"node_uuid": b, "name": name})).await;
    assert_eq!(shown().await.body["uuid"], second["uuid"]);
}

#[tokio::test]
async fn each_version_has_its_fields_and_paths() {
    let server = Server::start().await;
    let node = server.node("a").await;
    group(&server, json!({"node_uuid": node, "name": "bond"})).await;
    let check = async |minor: u16, method: Method, path: &str, body: Value, status: u16| {
        let version = format!("1.{minor}");
        let answer = server.call_in(&version, method, path, body).await;
        let fault = answer.fault();
        assert_eq!(answer.status.as_u16(), status, "{minor} {path}: {fault}");
    };
    let get = async |minor, path: &str, status| {
        check(minor, Method::GET, path, Value::Null, status).await;
    };
    for path in ["", "/bond", "/detail"] {
        get(22, &format!("{GROUPS}{path}"), 404).await;
        get(23, &format!("{GROUPS}{path}"), 200).await;
    }
    for path in ["/v1/nodes/a/portgroups", "/v1/portgroups/bond/ports"] {
        for path in [path.to_owned(), format!("{path}/detail")] {
            get(23, &path, 404).await;
            get(24, &path, 200).await;
        }
    }
    let body = |key: &str, value: Value| {
        let mut body = json!({"node_uuid": node});
        body[key] = value;
        body
    };
    check(22, Method::POST, GROUPS, body("extra", json!({})), 404).await;
    check(23, Method::POST, GROUPS, body("extra", json!({})), 201).await;
    check(25, Method::POST, GROUPS, body("mode", json!("x")), 406).await;
    check(26, Method::POST, GROUPS, body("mode", json!("x")), 201).await;
    let mode = set("mode", "y");
    check(
        25,
        Method::PATCH,
        &format!("{GROUPS}/bond"),
        mode.clone(),
        406,
    )
    .await;
    check(26, Method::PATCH, &format!("{GROUPS}/bond"), mode, 200).await;
    get(25, &format!("{GROUPS}?fields=mode"), 406).await;
    get(26, &format!("{GROUPS}?fields=mode"), 200).await;
    get(42, &format!("{GROUPS}?detail=true"), 400).await;
    get(43, &format!("{GROUPS}?detail=true"), 200).await;
    get(105, &format!("{GROUPS}?shard=s"), 406).await;
    get(106, &format!("{GROUPS}?shard=s"), 200).await;
    get(23, "/v1/ports?portgroup=bond", 406).await;
    get(24, "/v1/ports?portgroup=bond", 200).await;
    get(90, &format!("{GROUPS}/bond.json"), 200).await;
    get(91, &format!("{GROUPS}/bond.json"), 404).await;
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = Server::start().await;
    let (first, second) = (server.node("a").await, server.node("b").await);
    let shard = json!([{"op": "add", "path": "/shard", "value": "s"}]);
    server.call(Method::PATCH, "/v1/nodes/b", shard).await;
    let mut ids = Vec::new();
    for (name, node) in [("c", &first), ("a", &second), ("b", &second)] {
        let made = group(&server, json!({"node_uuid": node, "name": name})).await;
        ids.push(made["uuid"].as_str().unwrap().to_owned());
    }
    let [c, a, b] = [0, 1, 2].map(|place| ids[place].clone());
    let check = async |query: &str, expected: &[&String]| {
        let found = listed(&server, &format!("{GROUPS}{query}"), "portgroups").await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    };
    check("", &[&c, &a, &b]).await;
    check("?sort_key=name", &[&a, &b, &c]).await;
    check("?sort_key=mode&sort_dir=desc", &[&b, &a, &c]).await;
    check("?node=a", &[&c]).await;
    check(&format!("?node={second}"), &[&a, &b]).await;
    check("?shard=s,t", &[&a, &b]).await;
    check("?conductor_groups=none", &[]).await;
    check("?address=52:54:00:00:00:09", &[]).await;
    check("/detail?node=b&limit=1", &[&a]).await;
    let under = listed(&server, "/v1/nodes/b/portgroups", "portgroups").await;
    assert_eq!(under, [a.clone(), b.clone()]);
    let page = server
        .get(&format!("{GROUPS}?sort_key=name&limit=2"))
        .await
        .body;
    let next = page["next"].as_str().unwrap();
    let next = next.strip_prefix("http://api").unwrap();
    assert_eq!(listed(&server, next, "portgroups").await, [c]);
    for (query, status) in [
        ("node=nobody", 404),
        ("node=a&address=52:54:00:00:00:09", 400),
        ("shard=s&node=a", 400),
        ("address=x", 400),
        ("sort_key=extra", 400),
        ("fields=bogus", 400),
        ("fields=uuid&detail=true", 400),
        ("bogus=1", 400),
        ("marker=5be26c0b-03f2-4d2e-ae87-c02d7f33c781", 404),
    ] {
        let answer = server.get(&format!("{GROUPS}?{query}")).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{query}: {}",
            answer.fault()
        );
    }
}

#[tokio::test]
async fn a_group_moves_to_a_node_that_may_get_it() {
    let server = Server::start().await;
    let (first, second) = (server.node("a").await, server.node("b").await);
    let bond = group(&server, json!({"node_uuid": first})).await;
    for (verb, state) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("b", json!({"target": verb}), state).await;
    }
    let answer = patch(
        &server,
        "portgroups",
        &bond,
        set("node_uuid", second.clone()),
    )
    .await;
    refused(&answer, 409, "available");
    let maintenance = "/v1/nodes/b/maintenance";
    server.call(Method::PUT, maintenance, json!({})).await;
    let answer = patch(
        &server,
        "portgroups",
        &bond,
        set("node_uuid", second.clone()),
    )
    .await;
    assert_eq!(
        answer.body["node_uuid"],
        second.as_str(),
        "{}",
        answer.fault()
    );
}

#[tokio::test]
async fn a_group_stays_while_its_node_is_inspected() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let bond = group(&server, json!({"node_uuid": node})).await;
    let key = Key::new(Table::Node, &node);
    let store = server.conductor.store();
    let record = store.get(&key).await.unwrap().unwrap();
    let mut node: Node = record.decode().unwrap();
    node.provision_state = ProvisionState::Inspecting;
    store.commit(Transaction::new().put(&node)).await.unwrap();
    let path = format!("{GROUPS}/{}", bond["uuid"].as_str().unwrap());
    let change = set("name", "bond");
    let new = server.call(Method::PATCH, &path, change.clone()).await;
    refused(&new, 409, "is inspecting");
    let old = server.call_in("1.38", Method::PATCH, &path, change).await;
    assert_eq!(old.status, StatusCode::OK, "{}", old.fault());
}

#[tokio::test]
async fn a_virtual_interface_sits_on_a_group() {
    let server = Server::start().await;
    let node = server.node("a").await;
    server
        .call(
            Method::PATCH,
            "/v1/nodes/a",
            set("network_interface", "standalone"),
        )
        .await;
    let bond = group(&server, json!({"node_uuid": node})).await;
    let empty = group(&server, json!({"node_uuid": node})).await;
    let alone = json!({"address": ADDRESS, "node_uuid": node});
    server.call(Method::POST, "/v1/ports", alone).await;
    for address in ["52:54:00:00:00:02", "52:54:00:00:00:03"] {
        let made = port(&server, &bond, address, json!({})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
    }
    let attach = async |id: &str, group: &Value| {
        let mut body = json!({"id": id});
        if !group.is_null() {
            body["portgroup_uuid"] = group["uuid"].clone();
        }
        let answer = server.call(Method::POST, "/v1/nodes/a/vifs", body).await;
        answer.status.as_u16()
    };
    let vif = async |path: String| {
        let body = server.get(&path).await.body;
        body["internal_info"]["tenant_vif_port_id"].clone()
    };
    let path = format!("{GROUPS}/{}", bond["uuid"].as_str().unwrap());
    assert_eq!(attach("one", &empty).await, 400, "no port is in it");
    assert_eq!(attach("one", &Value::Null).await, 204);
    assert_eq!(vif(path.clone()).await, "one", "groups go first");
    assert_eq!(attach("one", &Value::Null).await, 409);
    assert_eq!(attach("two", &bond).await, 400);
    assert_eq!(attach("two", &Value::Null).await, 204);
    assert_eq!(
        attach("three", &Value::Null).await,
        400,
        "its ports are the group's"
    );
    let listed = server.get("/v1/nodes/a/vifs").await.body;
    assert_eq!(listed, json!({"vifs": [{"id": "two"}, {"id": "one"}]}));
    let gone = "/v1/nodes/a/vifs/one";
    let gone = server.call(Method::DELETE, gone, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.fault());
    assert!(vif(path).await.is_null());
    assert_eq!(attach("three", &bond).await, 204);
}
