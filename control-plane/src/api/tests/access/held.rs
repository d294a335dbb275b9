//! What hangs on a node belongs to whom the node belongs: ports, port groups, volumes.

use super::{OURS, THEIRS, World, in_project, in_system, uuids};
use crate::auth::Role;
use ferric_store::{Key, Table, Transaction};
use http::Method;
use serde_json::{Value, json};

fn port(node: &str, last: u8) -> Value {
    json!({"node_uuid": node, "address": format!("52:54:00:00:00:{last:02x}")})
}

/// A node of ours and one of theirs, each with a port: the paths of the ports.
pub(super) async fn two_ports(world: &World) -> [String; 2] {
    let mut made = Vec::new();
    for (name, owner, last) in [("own", OURS, 1), ("foreign", THEIRS, 2)] {
        let node = world.node(name, Some(owner), None).await;
        let body = port(&node, last);
        let answer = world.server.call(Method::POST, "/v1/ports", body).await;
        assert_eq!(answer.status, 201, "{}", answer.fault());
        made.push(answer.body["uuid"].as_str().unwrap().to_owned());
    }
    [
        format!("/v1/ports/{}", made[0]),
        format!("/v1/ports/{}", made[1]),
    ]
}

#[tokio::test]
async fn ports_are_seen_by_whom_their_node_belongs_to() {
    let world = World::start().await;
    let [own, foreign] = two_ports(&world).await;
    let reader = in_project(Role::Reader, OURS);
    for path in [
        "/v1/ports",
        "/v1/ports/detail",
        "/v1/nodes/own/ports",
        "/v1/ports?limit=1",
    ] {
        let seen = uuids(&world.get(&reader, path).await, "ports");
        assert_eq!(seen.len(), 1, "{path}");
        assert!(own.ends_with(&seen[0]), "{path}");
    }
    let stranger = in_project(Role::Reader, "none");
    let none = world.get(&stranger, "/v1/ports").await;
    assert!(uuids(&none, "ports").is_empty());
    for path in [foreign.as_str(), "/v1/nodes/foreign/ports"] {
        let call = (Method::GET, path, Value::Null);
        world
            .refuses(&reader, call, 404, "could not be found")
            .await;
    }
    assert_eq!(world.get(&reader, &own).await.status, 200);
}

#[tokio::test]
async fn ports_are_made_and_moved_by_managers_of_their_node() {
    let world = World::start().await;
    let [own, foreign] = two_ports(&world).await;
    let of = async |name: &str| {
        let node = world.server.get(&format!("/v1/nodes/{name}")).await;
        node.body["uuid"].as_str().unwrap().to_owned()
    };
    let (own_node, foreign_node) = (of("own").await, of("foreign").await);
    let create = |node: &str| (Method::POST, "/v1/ports", port(node, 3));
    let moved = json!([{"op": "replace", "path": "/node_uuid", "value": foreign_node}]);
    let (reader, member) = (
        in_project(Role::Reader, OURS),
        in_project(Role::Member, OURS),
    );
    let manager = in_project(Role::Manager, OURS);
    let delete = |path| (Method::DELETE, path, Value::Null);
    let gone = "could not be found";
    for (who, call, status, text) in [
        (&reader, delete(foreign.as_str()), 404, gone),
        (&reader, delete(own.as_str()), 403, "port:delete"),
        (&member, create(&own_node), 403, "port:create"),
        (&manager, create(&foreign_node), 403, "port:create"),
        (&manager, (Method::PATCH, own.as_str(), moved), 400, gone),
    ] {
        world.refuses(who, call, status, text).await;
    }
    let (method, path, body) = create(&own_node);
    let answer = world.as_one(&manager, method, path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.fault());
}

/// A kind of thing that hangs on a node: where it is, what its lists and its rules are called, and what a new one is.
struct Kind {
    path: &'static str,
    list: &'static str,
    rule: &'static str,
    body: fn(node: &str, id: &str) -> Value,
}

const KINDS: [Kind; 3] = [
    Kind {
        path: "/v1/portgroups",
        list: "portgroups",
        rule: "portgroup",
        body: |node, id| json!({"node_uuid": node, "name": id}),
    },
    Kind {
        path: "/v1/volume/connectors",
        list: "connectors",
        rule: "volume",
        body: |node, id| json!({"node_uuid": node, "type": "iqn", "connector_id": id}),
    },
    Kind {
        path: "/v1/volume/targets",
        list: "targets",
        rule: "volume",
        body: |node, id| {
            json!({"node_uuid": node, "volume_type": "iscsi", "volume_id": id, "boot_index": 0,
                "properties": {"target_iqn": "iqn"}})
        },
    },
];

#[tokio::test]
async fn port_groups_and_volumes_belong_to_whom_their_node_belongs() {
    let world = World::start().await;
    let own = world.node("own", Some(OURS), None).await;
    let foreign = world.node("foreign", Some(THEIRS), None).await;
    let manager = in_project(Role::Manager, OURS);
    let reader = in_project(Role::Reader, OURS);
    for kind in KINDS {
        let (path, list, rule) = (kind.path, kind.list, kind.rule);
        let post = |node: &str, id| (Method::POST, path, (kind.body)(node, id));
        let (method, path, body) = post(&foreign, "b");
        let made = world.server.call(method, path, body).await;
        assert_eq!(made.status, 201, "{}", made.fault());
        let theirs = format!("{path}/{}", made.body["uuid"].as_str().unwrap());
        let create = format!("{rule}:create");
        let call = post(&foreign, "c");
        world.refuses(&manager, call, 403, &create).await;
        let (method, path, body) = post(&own, "a");
        let made = world.as_one(&manager, method, path, body).await;
        assert_eq!(made.status, 201, "{path}: {}", made.fault());
        let ours = [made.body["uuid"].as_str().unwrap().to_owned()];
        assert_eq!(uuids(&world.get(&reader, path).await, list), ours);
        let under = path.replace("/v1", "/v1/nodes/own");
        assert_eq!(uuids(&world.get(&reader, &under).await, list), ours);
        let ours = format!("{path}/{}", ours[0]);
        assert_eq!(world.get(&reader, &ours).await.status, 200);
        let (show, gone) = (
            (Method::GET, theirs.as_str(), Value::Null),
            "could not be found",
        );
        world.refuses(&reader, show, 404, gone).await;
        let delete = (Method::DELETE, ours.as_str(), Value::Null);
        let denied = format!("{rule}:delete");
        world.refuses(&reader, delete, 403, &denied).await;
    }
    let path = "/v1/volume/targets?detail=true";
    let listed = world.get(&manager, path).await.body;
    let properties = listed["targets"][0]["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["redacted_contents"]);
    let admin = in_project(Role::Admin, OURS);
    let listed = world.get(&admin, path).await.body;
    let properties = &listed["targets"][0]["properties"];
    assert_eq!(*properties, json!({"target_iqn": "iqn"}));
}

/// Of a node that is gone: whoever may do it with anybody's tidies up, and for others there is nothing.
#[tokio::test]
async fn what_is_left_of_a_node_is_no_projects() {
    let world = World::start().await;
    let [own, _] = two_ports(&world).await;
    let node = world.server.get("/v1/nodes/own").await.body["uuid"].clone();
    let key = Key::new(Table::Node, node.as_str().unwrap());
    let gone = Transaction::new().delete(key);
    let store = world.server.conductor.store();
    store.commit(gone).await.unwrap();
    let delete = || (Method::DELETE, own.as_str(), Value::Null);
    let text = "could not be found";
    let manager = in_project(Role::Manager, OURS);
    world.refuses(&manager, delete(), 404, text).await;
    let (method, path, body) = delete();
    let admin = in_system(Role::Admin);
    let answer = world.as_one(&admin, method, path, body).await;
    assert_eq!(answer.status, 204, "{}", answer.fault());
}
