//! Nodes as their owner, their lessee and others meet them.

use super::{OURS, THEIRS, World, in_project, in_system, uuids};
use crate::auth::Role;
use crate::config::auth::Rbac;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_project_sees_what_it_owns_and_what_it_has_leased() {
    let world = World::start().await;
    let own = world.node("own", Some(OURS), None).await;
    let leased = world.node("leased", Some(THEIRS), Some(OURS)).await;
    let foreign = world.node("foreign", Some(THEIRS), None).await;
    let nobodys = world.node("nobodys", None, None).await;
    let reader = in_project(Role::Reader, OURS);
    for path in [
        "/v1/nodes",
        "/v1/nodes/detail",
        "/v1/nodes?project=project-ours",
    ] {
        let seen = uuids(&world.get(&reader, path).await, "nodes");
        assert_eq!(seen, [own.clone(), leased.clone()], "{path}");
    }
    world
        .refuses(
            &reader,
            (Method::GET, "/v1/nodes?project=project-theirs", Value::Null),
            403,
            OURS,
        )
        .await;
    for (node, status) in [
        (&own, 200),
        (&leased, 200),
        (&foreign, 404),
        (&nobodys, 404),
    ] {
        let answer = world.get(&reader, &format!("/v1/nodes/{node}")).await;
        assert_eq!(answer.status, status, "{}", answer.fault());
    }
    for path in [
        "/v1/nodes/foreign",
        "/v1/nodes/foreign/states",
        "/ferric/v1/nodes/foreign/timeline",
    ] {
        let text = "node foreign could not be found";
        world
            .refuses(&reader, (Method::GET, path, Value::Null), 404, text)
            .await;
    }
    let everything = uuids(
        &world.get(&in_system(Role::Reader), "/v1/nodes").await,
        "nodes",
    );
    assert_eq!(everything.len(), 4);
}

#[tokio::test]
async fn what_a_lessee_need_not_know_is_hidden() {
    let world = World::start().await;
    world.node("leased", Some(THEIRS), Some(OURS)).await;
    let lessee = world
        .get(&in_project(Role::Admin, OURS), "/v1/nodes/leased")
        .await
        .body;
    assert_eq!(lessee["driver_info"].as_object().unwrap().len(), 1);
    let text = lessee["driver_info"]["content"].as_str().unwrap();
    assert!(text.contains("baremetal:node:get:driver_info"), "{text}");
    assert!(
        lessee["reservation"]
            .as_str()
            .unwrap()
            .contains("baremetal:node:get:reservation")
    );
    let states = "/v1/nodes/leased/states";
    let theirs = world.get(&in_project(Role::Admin, OURS), states).await.body;
    assert_eq!(theirs["last_error"], lessee["last_error"]);
    assert!(
        theirs["last_error"]
            .as_str()
            .unwrap()
            .contains("baremetal:node:get:last_error")
    );
    let owners = world
        .get(&in_project(Role::Reader, THEIRS), states)
        .await
        .body;
    assert_eq!(owners["last_error"], Value::Null);
    let listed = world
        .get(&in_project(Role::Admin, OURS), "/v1/nodes/detail")
        .await
        .body;
    assert_eq!(listed["nodes"][0]["driver_info"], lessee["driver_info"]);
    let owner = world
        .get(&in_project(Role::Reader, THEIRS), "/v1/nodes/leased")
        .await
        .body;
    assert_eq!(owner["driver_info"], json!({"rack": "one"}));
    assert_eq!(owner["reservation"], Value::Null);
}

#[tokio::test]
async fn a_project_makes_and_deletes_nodes_of_its_own() {
    let world = World::start().await;
    let admin = in_project(Role::Admin, OURS);
    let body = |owner: Value| json!({"driver": "fake-hardware", "network_interface": "noop", "owner": owner});
    let post = |owner: Value| (Method::POST, "/v1/nodes", body(owner));
    let made = world
        .as_one(&admin, Method::POST, "/v1/nodes", body(Value::Null))
        .await;
    assert_eq!(made.status, 201, "{}", made.fault());
    assert_eq!(made.body["owner"], OURS);
    world
        .refuses(&admin, post(json!(THEIRS)), 400, "project-ours only")
        .await;
    for role in [Role::Manager, Role::Member, Role::Reader] {
        let who = in_project(role, OURS);
        world
            .refuses(&who, post(Value::Null), 403, "baremetal:node:create")
            .await;
    }
    let system = world
        .as_one(
            &in_system(Role::Admin),
            Method::POST,
            "/v1/nodes",
            body(json!(THEIRS)),
        )
        .await;
    assert_eq!(
        (system.status.as_u16(), &system.body["owner"]),
        (201, &json!(THEIRS))
    );
    let path = format!("/v1/nodes/{}", made.body["uuid"].as_str().unwrap());
    let member = in_project(Role::Member, OURS);
    let delete = || (Method::DELETE, path.as_str(), Value::Null);
    world
        .refuses(&member, delete(), 403, "baremetal:node:delete")
        .await;
    let stranger = in_project(Role::Admin, THEIRS);
    world
        .refuses(&stranger, delete(), 404, "could not be found")
        .await;
    let gone = world
        .as_one(&admin, Method::DELETE, &path, Value::Null)
        .await;
    assert_eq!(gone.status, 204, "{}", gone.fault());
}

#[tokio::test]
async fn settings_take_from_projects_and_give_to_services() {
    let world = World::start().await;
    world.node("own", Some(OURS), None).await;
    let strict = || Rbac {
        project_admin_can_manage_own_nodes: false,
        ..Rbac::default()
    };
    let admin = in_project(Role::Admin, OURS);
    let body = json!({"driver": "fake-hardware", "network_interface": "noop"});
    for call in [
        (Method::POST, "/v1/nodes", body),
        (Method::DELETE, "/v1/nodes/own", Value::Null),
    ] {
        let answer = world.under(strict(), &admin, call).await;
        assert_eq!(answer.status, 403, "{}", answer.fault());
    }
    let elevated = Rbac {
        service_role_elevated_access: true,
        service_project_name: "name of services".to_owned(),
        ..Rbac::default()
    };
    let service = in_project(Role::Service, "services");
    let list = || (Method::GET, "/v1/nodes", Value::Null);
    let all = world.under(elevated, &service, list()).await;
    assert_eq!(uuids(&all, "nodes").len(), 1);
    let own = world.under(strict(), &service, list()).await;
    assert!(uuids(&own, "nodes").is_empty());
}

#[tokio::test]
async fn each_field_has_its_rule() {
    let world = World::start().await;
    world.node("own", Some(OURS), Some("tenant")).await;
    let patch = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
    let member = in_project(Role::Member, OURS);
    let lessee = in_project(Role::Member, "tenant");
    let system = in_system(Role::Member);
    let call = |path: &str, value: Value| (Method::PATCH, "/v1/nodes/own", patch(path, value));
    for (who, path, value, rule) in [
        (&member, "/owner", json!(THEIRS), "node:update:owner"),
        (
            &member,
            "/automated_clean",
            json!(false),
            "disable_cleaning",
        ),
        (
            &member,
            "/boot_interface",
            json!("fake"),
            "driver_interfaces",
        ),
        (&member, "/shard", json!("s"), "update:shard"),
        (
            &system,
            "/disable_power_off",
            json!(true),
            "disable_power_off",
        ),
        (&lessee, "/driver_info/x", json!(1), "update:driver_info"),
        (
            &lessee,
            "/instance_info/x",
            json!(1),
            "update_instance_info",
        ),
        (&lessee, "/lessee", json!(THEIRS), "update:lessee"),
    ] {
        world.refuses(who, call(path, value), 403, rule).await;
    }
    for (who, path, value) in [
        (&member, "/lessee", json!("tenant")),
        (&member, "/driver_info/x", json!(1)),
        (&member, "/automated_clean", json!(true)),
        (&lessee, "/extra/x", json!(1)),
        (&lessee, "/description", json!("mine for now")),
        (&system, "/owner", json!(OURS)),
    ] {
        let (method, at, body) = call(path, value);
        let answer = world.as_one(who, method, at, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.fault());
    }
    // One forbidden field forbids the whole patch.
    let both = json!([
        {"op": "add", "path": "/extra/y", "value": 1},
        {"op": "add", "path": "/owner", "value": THEIRS},
    ]);
    world
        .refuses(
            &member,
            (Method::PATCH, "/v1/nodes/own", both),
            403,
            "update:owner",
        )
        .await;
}

#[tokio::test]
async fn verbs_are_for_owning_members_and_leasing_managers() {
    let world = World::start().await;
    world.node("leased", Some(THEIRS), Some(OURS)).await;
    let path = "/v1/nodes/leased/states/provision";
    let call = || (Method::PUT, path, json!({"target": "manage"}));
    let leasing_member = in_project(Role::Member, OURS);
    world
        .refuses(&leasing_member, call(), 403, "set_provision_state")
        .await;
    let (method, at, body) = call();
    let answer = world
        .as_one(&in_project(Role::Manager, OURS), method, at, body)
        .await;
    assert_eq!(answer.status, 202, "{}", answer.fault());
    let power = (
        Method::PUT,
        "/v1/nodes/leased/states/power",
        json!({"target": "nonsense"}),
    );
    world
        .refuses(&leasing_member, power.clone(), 400, "nonsense")
        .await;
    let reader = in_project(Role::Reader, OURS);
    world.refuses(&reader, power, 403, "set_power_state").await;
    let named = (Method::GET, "/v1/nodes/validate?node=leased", Value::Null);
    world.refuses(&reader, named, 403, "node:validate").await;
}

#[tokio::test]
async fn children_of_others_are_not_told() {
    let world = World::start().await;
    let parent = world.node("parent", Some(OURS), None).await;
    let body =
        json!({"driver": "fake-hardware", "parent_node": parent, "network_interface": "noop"});
    let foreign = world
        .server
        .call(Method::POST, "/v1/nodes", body.clone())
        .await;
    assert_eq!(
        foreign.status,
        400,
        "another owner than its parent: {}",
        foreign.fault()
    );
    let admin = in_project(Role::Admin, OURS);
    let own = world
        .as_one(&admin, Method::POST, "/v1/nodes", body.clone())
        .await;
    assert_eq!(own.status, 201, "{}", own.fault());
    let children = world.get(&admin, "/v1/nodes/parent/children").await.body;
    assert_eq!(children["children"], json!([own.body["uuid"]]));
    let stranger = in_project(Role::Admin, THEIRS);
    let call = (Method::POST, "/v1/nodes", body);
    world
        .refuses(&stranger, call, 400, "could not be found")
        .await;
}

#[tokio::test]
async fn what_is_asked_of_a_machine_is_for_who_may() {
    let world = World::start().await;
    world.node("leased", Some(THEIRS), Some(OURS)).await;
    let calls = [
        (
            "states/boot_mode",
            json!({"target": "uefi"}),
            "set_boot_mode",
        ),
        (
            "states/secure_boot",
            json!({"target": false}),
            "set_secure_boot",
        ),
        (
            "states/console",
            json!({"enabled": false}),
            "set_console_state",
        ),
        (
            "management/indicators/led@system",
            json!({"state": "on"}),
            "set_indicator_state",
        ),
        ("management/inject_nmi", json!({}), "inject_nmi"),
    ];
    let path = |below: &str| format!("/v1/nodes/leased/{below}");
    let (reader, owner) = (
        in_project(Role::Reader, OURS),
        in_project(Role::Admin, THEIRS),
    );
    for (below, body, rule) in calls {
        let path = path(below);
        let call = (Method::PUT, path.as_str(), body.clone());
        world.refuses(&reader, call, 403, rule).await;
        let stranger = in_project(Role::Admin, "project-strange");
        let call = (Method::PUT, path.as_str(), body.clone());
        world
            .refuses(&stranger, call, 404, "could not be found")
            .await;
        let answer = world.as_one(&owner, Method::PUT, &path, body).await;
        let expected = match rule {
            // The machine is off.
            "inject_nmi" => 400,
            "set_indicator_state" => 204,
            _ => 202,
        };
        assert_eq!(answer.status, expected, "{}", answer.fault());
    }
    let (member, console) = (in_project(Role::Member, OURS), path("states/console"));
    let call = (Method::GET, console.as_str(), Value::Null);
    world.refuses(&member, call, 403, "get_console").await;
    let lights = world.get(&reader, &path("management/indicators")).await;
    assert_eq!(lights.status, 200, "{}", lights.fault());
}
