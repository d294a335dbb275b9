//! What is not a node: ports, runbooks, what is the system's, and who is not let in at all.

use super::{OURS, THEIRS, World, ask, in_project, in_system, uuids};
use crate::api::{Gate, operator_router};
use crate::auth::{Authenticator, Role};
use crate::config::auth::{Rbac, Strategy};
use http::Method;
use serde_json::{Value, json};

fn port(node: &str, last: u8) -> Value {
    json!({"node_uuid": node, "address": format!("52:54:00:00:00:{last:02x}")})
}

/// A node of ours and one of theirs, each with a port: the paths of the ports.
async fn two_ports(world: &World) -> [String; 2] {
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

#[tokio::test]
async fn port_groups_and_volumes_belong_to_whom_their_node_belongs() {
    let world = World::start().await;
    let own = world.node("own", Some(OURS), None).await;
    let foreign = world.node("foreign", Some(THEIRS), None).await;
    let target = |node: &str, id: &str| {
        json!({"node_uuid": node, "volume_type": "iscsi", "volume_id": id, "boot_index": 0,
            "properties": {"target_iqn": "iqn"}})
    };
    let connector =
        |node: &str, id: &str| json!({"node_uuid": node, "type": "iqn", "connector_id": id});
    let group = |node: &str, id: &str| json!({"node_uuid": node, "name": id});
    let manager = in_project(Role::Manager, OURS);
    for (path, list, rule, body) in [
        (
            "/v1/portgroups",
            "portgroups",
            "portgroup",
            &group as &dyn Fn(&str, &str) -> Value,
        ),
        ("/v1/volume/connectors", "connectors", "volume", &connector),
        ("/v1/volume/targets", "targets", "volume", &target),
    ] {
        let made = world
            .server
            .call(Method::POST, path, body(&foreign, "b"))
            .await;
        assert_eq!(made.status, 201, "{}", made.fault());
        let theirs = format!("{path}/{}", made.body["uuid"].as_str().unwrap());
        let call = (Method::POST, path, body(&foreign, "c"));
        world
            .refuses(&manager, call, 403, &format!("{rule}:create"))
            .await;
        let made = world
            .as_one(&manager, Method::POST, path, body(&own, "a"))
            .await;
        assert_eq!(made.status, 201, "{path}: {}", made.fault());
        let ours = [made.body["uuid"].as_str().unwrap().to_owned()];
        let reader = in_project(Role::Reader, OURS);
        assert_eq!(uuids(&world.get(&reader, path).await, list), ours);
        let under = path.replace("/v1", "/v1/nodes/own");
        assert_eq!(uuids(&world.get(&reader, &under).await, list), ours);
        let ours = format!("{path}/{}", ours[0]);
        assert_eq!(world.get(&reader, &ours).await.status, 200);
        world
            .refuses(
                &reader,
                (Method::GET, &theirs, Value::Null),
                404,
                "could not be found",
            )
            .await;
        let delete = (Method::DELETE, ours.as_str(), Value::Null);
        world
            .refuses(&reader, delete, 403, &format!("{rule}:delete"))
            .await;
    }
    let listed = world
        .get(&manager, "/v1/volume/targets?detail=true")
        .await
        .body;
    let properties = listed["targets"][0]["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["redacted_contents"]);
    let admin = in_project(Role::Admin, OURS);
    let listed = world
        .get(&admin, "/v1/volume/targets?detail=true")
        .await
        .body;
    assert_eq!(
        listed["targets"][0]["properties"],
        json!({"target_iqn": "iqn"})
    );
}

#[tokio::test]
async fn allocations_belong_to_the_project_of_their_maker() {
    let world = World::start().await;
    let member = in_project(Role::Member, OURS);
    let body = |owner: Value| json!({"resource_class": "c", "owner": owner});
    let made = world
        .as_one(&member, Method::POST, "/v1/allocations", body(Value::Null))
        .await;
    assert_eq!(made.status, 201, "{}", made.fault());
    assert_eq!(made.body["owner"], OURS);
    let ours = [made.body["uuid"].as_str().unwrap().to_owned()];
    let call = (Method::POST, "/v1/allocations", body(json!(THEIRS)));
    world
        .refuses(&member, call.clone(), 403, "create_restricted")
        .await;
    let reader = in_project(Role::Reader, OURS);
    world.refuses(&reader, call, 403, "allocation:create").await;
    let theirs = world
        .server
        .call(Method::POST, "/v1/allocations", body(json!(THEIRS)))
        .await;
    let theirs = format!("/v1/allocations/{}", theirs.body["uuid"].as_str().unwrap());
    assert_eq!(
        uuids(&world.get(&reader, "/v1/allocations").await, "allocations"),
        ours
    );
    let foreign = (
        Method::GET,
        "/v1/allocations?owner=project-theirs",
        Value::Null,
    );
    world.refuses(&reader, foreign, 403, OURS).await;
    world
        .refuses(
            &reader,
            (Method::GET, &theirs, Value::Null),
            404,
            "could not be found",
        )
        .await;
    world
        .refuses(
            &member,
            (Method::DELETE, &theirs, Value::Null),
            404,
            "could not be found",
        )
        .await;
    let ours = format!("/v1/allocations/{}", ours[0]);
    world
        .refuses(
            &reader,
            (Method::DELETE, &ours, Value::Null),
            403,
            "allocation:delete",
        )
        .await;
    let gone = world
        .as_one(&member, Method::DELETE, &ours, Value::Null)
        .await;
    assert_eq!(gone.status, 204, "{}", gone.fault());
}

fn runbook(name: &str, more: &Value) -> Value {
    let mut body = json!({"name": name, "steps": [
        {"interface": "raid", "step": "create_configuration", "args": {}, "order": 1},
    ]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

/// One of ours, a public one, and one of theirs.
async fn three_runbooks(world: &World) {
    let made = [
        ("CUSTOM_A", json!({"owner": OURS})),
        ("CUSTOM_P", json!({"public": true})),
        ("CUSTOM_T", json!({"owner": THEIRS})),
    ];
    for (name, more) in made {
        let body = runbook(name, &more);
        let made = world.server.call(Method::POST, "/v1/runbooks", body).await;
        assert_eq!(made.status, 201, "{}", made.fault());
    }
}

#[tokio::test]
async fn runbooks_belong_to_a_project_or_are_public() {
    let world = World::start().await;
    three_runbooks(&world).await;
    let member = in_project(Role::Member, OURS);
    let listed = world.get(&member, "/v1/runbooks").await.body;
    let listed = listed["runbooks"].as_array().unwrap().iter();
    let names: Vec<&Value> = listed.map(|item| &item["name"]).collect();
    assert_eq!(names, ["CUSTOM_A", "CUSTOM_P"]);
    for (name, status) in [("CUSTOM_A", 200), ("CUSTOM_P", 200), ("CUSTOM_T", 403)] {
        let answer = world.get(&member, &format!("/v1/runbooks/{name}")).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[tokio::test]
async fn runbooks_are_made_and_changed_by_managers() {
    let world = World::start().await;
    three_runbooks(&world).await;
    let post = |more: Value| (Method::POST, "/v1/runbooks", runbook("CUSTOM_B", &more));
    let change = |path: &str, value: Value| {
        let patch = json!([{"op": "replace", "path": path, "value": value}]);
        (Method::PATCH, "/v1/runbooks/CUSTOM_A", patch)
    };
    let manager = in_project(Role::Manager, OURS);
    let member = in_project(Role::Member, OURS);
    let theirs = (Method::DELETE, "/v1/runbooks/CUSTOM_T", Value::Null);
    for (who, call, status, text) in [
        (&manager, post(json!({"public": true})), 400, "public"),
        (&manager, post(json!({"owner": THEIRS})), 400, OURS),
        (&member, post(json!({})), 403, "runbook:create"),
        (
            &manager,
            change("/public", json!(true)),
            403,
            "update:public",
        ),
        (&member, change("/extra", json!({})), 403, "runbook:update"),
        (&manager, theirs, 403, "runbook:delete"),
    ] {
        world.refuses(who, call, status, text).await;
    }
    for (call, status) in [
        (post(json!({})), 201),
        (change("/extra", json!({"a": 1})), 200),
    ] {
        let (method, path, body) = call;
        let answer = world.as_one(&manager, method, path, body).await;
        assert_eq!(answer.status, status, "{}", answer.fault());
        assert_eq!(answer.body["owner"], OURS);
    }
}

#[tokio::test]
async fn what_is_the_systems_is_not_for_projects() {
    let world = World::start().await;
    let admin = in_project(Role::Admin, OURS);
    let reader = in_system(Role::Reader);
    for path in [
        "/v1/drivers",
        "/v1/conductors",
        "/v1/deploy_templates",
        "/metrics",
    ] {
        assert_eq!(world.get(&admin, path).await.status, 403, "{path}");
        assert_eq!(world.get(&reader, path).await.status, 200, "{path}");
    }
    let drain = (Method::POST, "/ferric/v1/drain", Value::Null);
    world
        .refuses(
            &in_system(Role::Member),
            drain,
            403,
            "ferric:conductor:drain",
        )
        .await;
}

#[tokio::test]
async fn nobody_is_let_in_without_a_password_but_where_everybody_is() {
    let world = World::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("ann:{}\n", bcrypt::hash("secret", 4).unwrap());
    std::fs::write(file.path(), line).unwrap();
    let user_file = file.path().to_owned();
    let basic = Authenticator::new(&Strategy::HttpBasic { user_file }).unwrap();
    let gate = Gate::new(basic, Rbac::default());
    let server = &world.server;
    let router = operator_router(server.conductor.clone(), None, server.stop.clone(), gate);
    let get = async |path: &str, headers: &[(&str, &str)]| {
        ask(&router, Method::GET, path, headers, Value::Null).await
    };
    for path in ["/", "/v1", "/v1/"] {
        assert_eq!(get(path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(
        get("/v1/lookup?addresses=52:54:00:00:00:01", &[])
            .await
            .status,
        404
    );
    for path in [
        "/v1/nodes",
        "/nodes",
        "/v1/nonsense",
        "/metrics",
        "/ferric/v1/nodes/a/timeline",
    ] {
        let answer = get(path, &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.headers["www-authenticate"],
            "Basic realm=\"Baremetal API\""
        );
        assert_eq!(answer.body["error"]["code"], 401, "{}", answer.body);
    }
    // ann:secret
    let right = [("authorization", "Basic YW5uOnNlY3JldA==")];
    assert_eq!(get("/v1/nodes", &right).await.status, 200);
    assert_eq!(get("/v1/nonsense", &right).await.status, 404);
    let wrong = [("authorization", "Basic YW5uOnNlY3Jl")];
    assert_eq!(get("/v1/nodes", &wrong).await.status, 401);
    assert_eq!(
        get("/v1/nodes", &[("authorization", "Bearer x")])
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_method_without_a_row_does_not_exist() {
    let world = World::start().await;
    let gate = Gate::new(Authenticator::nobody(), Rbac::default());
    let server = &world.server;
    let router = operator_router(server.conductor.clone(), None, server.stop.clone(), gate);
    let answer = ask(&router, Method::PUT, "/v1/nodes", &[], Value::Null).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "GET,POST");
    let answer = ask(&router, Method::GET, "/v1/nonsense", &[], Value::Null).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn whoever_is_of_no_project_makes_no_allocation() {
    let world = World::start().await;
    let mut nobody = in_project(Role::Member, OURS);
    nobody.project = None;
    let wanted = json!({"resource_class": "x"});
    let call = (Method::POST, "/v1/allocations", wanted.clone());
    world.refuses(&nobody, call, 403, "allocation").await;
    let member = in_project(Role::Member, OURS);
    let made = world.as_one(&member, Method::POST, "/v1/allocations", wanted);
    let made = made.await;
    assert_eq!(made.status, 201, "{}", made.fault());
    assert_eq!(made.body["owner"], OURS);
}
