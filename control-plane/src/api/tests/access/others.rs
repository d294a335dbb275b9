//! What hangs on no node: allocations, runbooks, what is the system's, and who is not let in at all.

use super::{OURS, THEIRS, World, ask, in_project, in_system, uuids};
use crate::api::{Gate, operator_router};
use crate::auth::{Authenticator, Role};
use crate::config::auth::{Rbac, Strategy};
use http::Method;
use serde_json::{Value, json};

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

pub(super) fn runbook(name: &str, more: &Value) -> Value {
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
    let path = format!("/v1/runbooks?project={THEIRS}");
    let others = (Method::GET, path.as_str(), Value::Null);
    world
        .refuses(&member, others, 403, "access is denied")
        .await;
    for (name, status) in [("CUSTOM_A", 200), ("CUSTOM_P", 200), ("CUSTOM_T", 403)] {
        let answer = world.get(&member, &format!("/v1/runbooks/{name}")).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_list_of_runbooks_may_be_that_of_a_project() {
    let world = World::start().await;
    three_runbooks(&world).await;
    let all = ["CUSTOM_A", "CUSTOM_P", "CUSTOM_T"];
    for (project, expected) in [
        (OURS, &all[..2]),
        (THEIRS, &all[1..]),
        ("nobody", &all[1..2]),
        ("false", &all[..]),
    ] {
        let path = format!("/v1/runbooks?project={project}");
        let listed = world.server.get(&path).await.body;
        let names: Vec<&Value> = listed["runbooks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["name"])
            .collect();
        assert_eq!(names, expected, "{project}");
    }
    let first = format!("/v1/runbooks?project={THEIRS}&limit=1");
    let first = world.server.get(&first).await.body;
    let next = first["next"].as_str().unwrap();
    assert!(next.contains(&format!("project={THEIRS}")), "{next}");
    for path in ["/v1/runbooks?project=", "/v1/deploy_templates?project=p"] {
        assert_eq!(world.server.get(path).await.status, 400, "{path}");
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
    for (path, status) in [("/v1/nodes", 401), ("/v1", 405), ("/v1/lookup", 405)] {
        let answer = ask(&router, Method::PUT, path, &[], Value::Null).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
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
