//! What port groups and the ports in them demand of each other.

use super::{ADDRESS, GROUPS, group, listed, patch, port, refused, set};
use crate::api::tests::fixture::Server;
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn ports_join_a_group_of_their_own_node() {
    let server = Server::start().await;
    let (node, other) = (server.node("a").await, server.node("b").await);
    let bond = group(&server, json!({"node_uuid": node, "name": "bond"})).await;
    let foreign = group(&server, json!({"node_uuid": other})).await;
    let made = port(&server, &bond, ADDRESS, json!({})).await;
    assert_eq!(
        made.body["portgroup_uuid"],
        bond["uuid"],
        "{}",
        made.fault()
    );
    let id = made.body["uuid"].as_str().unwrap().to_owned();
    let ports = listed(&server, "/v1/portgroups/bond/ports", "ports").await;
    assert_eq!(ports, std::slice::from_ref(&id));
    let ports = listed(&server, "/v1/ports?portgroup=bond", "ports").await;
    assert_eq!(ports, [id]);
    let answer = server.get("/v1/ports?portgroup=nobody").await;
    refused(&answer, 404, "nobody");
    for path in [
        "/v1/portgroups/bond/ports?node=a",
        "/v1/nodes/a/ports?portgroup=bond",
    ] {
        refused(&server.get(path).await, 403, "only one");
    }
    let next = "52:54:00:00:00:02";
    let wrong = json!({"node_uuid": node, "portgroup_uuid": foreign["uuid"]});
    let answer = port(&server, &foreign, next, wrong).await;
    refused(&answer, 400, "which is on node");
    let wrong = json!({"portgroup_uuid": node});
    let answer = port(&server, &bond, next, wrong).await;
    refused(&answer, 400, "could not be found");
    let join = set("portgroup_uuid", foreign["uuid"].clone());
    let answer = patch(&server, "ports", &made.body, join).await;
    refused(&answer, 400, "which is on node");
    let moved = set("node_uuid", other.clone());
    let answer = patch(&server, "ports", &made.body, moved.clone()).await;
    refused(&answer, 400, "which is on node");
    // A group with ports neither moves nor goes.
    let answer = patch(&server, "portgroups", &bond, moved.clone()).await;
    refused(&answer, 400, "contains ports");
    let path = format!("{GROUPS}/bond");
    let answer = server.call(Method::DELETE, &path, Value::Null).await;
    refused(&answer, 400, "contains ports");
    let leave = json!([{"op": "remove", "path": "/portgroup_uuid"}]);
    let left = patch(&server, "ports", &made.body, leave).await;
    assert!(left.body["portgroup_uuid"].is_null(), "{}", left.fault());
    let answer = patch(&server, "portgroups", &bond, moved).await;
    assert_eq!(
        answer.body["node_uuid"],
        other.as_str(),
        "{}",
        answer.fault()
    );
}

#[tokio::test]
async fn a_group_is_in_one_physical_network() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let body = json!({"node_uuid": node, "name": "bond", "physical_network": "p"});
    let bond = group(&server, body).await;
    let network = |name: &str| json!({"physical_network": name});
    let answer = port(&server, &bond, ADDRESS, json!({})).await;
    refused(&answer, 409, "whose physical network is p");
    let answer = port(&server, &bond, ADDRESS, network("q")).await;
    refused(&answer, 409, "physical network q");
    let made = port(&server, &bond, ADDRESS, network("p")).await.body;
    let change = set("physical_network", "q");
    let answer = patch(&server, "ports", &made, change.clone()).await;
    refused(&answer, 400, "belongs to a portgroup");
    let changed = patch(&server, "portgroups", &bond, change).await;
    assert_eq!(changed.body["physical_network"], "q", "{}", changed.fault());
    let path = format!("/v1/ports/{}", made["uuid"].as_str().unwrap());
    assert_eq!(server.get(&path).await.body["physical_network"], "q");
}

#[tokio::test]
async fn a_group_in_no_network_takes_that_of_its_first_port() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let network = json!({"physical_network": "p"});
    let network_of = async |group: &Value| {
        let path = format!("{GROUPS}/{}", group["uuid"].as_str().unwrap());
        server.get(&path).await.body["physical_network"].clone()
    };
    let first = group(&server, json!({"node_uuid": node})).await;
    let second = group(&server, json!({"node_uuid": node})).await;
    let made = port(&server, &first, ADDRESS, network).await.body;
    assert_eq!(network_of(&first).await, "p");
    let join = set("portgroup_uuid", second["uuid"].clone());
    let joined = patch(&server, "ports", &made, join).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.fault());
    assert_eq!(network_of(&second).await, "p");
    // The first one keeps it, and a port that is in none does not join.
    let answer = port(&server, &first, "52:54:00:00:00:02", json!({})).await;
    refused(&answer, 409, "whose physical network is p");
}

#[tokio::test]
async fn a_group_without_standalone_ports_has_none_to_boot_from() {
    let server = Server::start().await;
    let node = server.node("a").await;
    server
        .call(
            Method::PATCH,
            "/v1/nodes/a",
            set("network_interface", "flat"),
        )
        .await;
    let body = json!({"node_uuid": node, "standalone_ports_supported": false});
    let bonded = group(&server, body).await;
    let free = group(&server, json!({"node_uuid": node})).await;
    let boots = json!({"pxe_enabled": true});
    let answer = port(&server, &bonded, ADDRESS, boots.clone()).await;
    refused(&answer, 409, "standalone");
    let silent = json!({"pxe_enabled": false});
    let quiet = port(&server, &bonded, ADDRESS, silent).await;
    assert_eq!(quiet.status, StatusCode::CREATED, "{}", quiet.fault());
    let answer = patch(&server, "ports", &quiet.body, set("pxe_enabled", true)).await;
    refused(&answer, 409, "standalone");
    let loud = port(&server, &free, "52:54:00:00:00:02", boots).await;
    assert_eq!(loud.status, StatusCode::CREATED, "{}", loud.fault());
    let join = set("portgroup_uuid", bonded["uuid"].clone());
    let answer = patch(&server, "ports", &loud.body, join).await;
    refused(&answer, 409, "standalone");
    let bond = set("standalone_ports_supported", false);
    let answer = patch(&server, "portgroups", &free, bond.clone()).await;
    refused(&answer, 409, "cannot be false");
    let off = set("pxe_enabled", false);
    let answer = patch(&server, "ports", &loud.body, off).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    let answer = patch(&server, "portgroups", &free, bond).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
}
