//! A machine is its tenant's from the deploy to the undeploy, without anybody writing so into the node.

use super::{OURS, THEIRS, World, in_project};
use crate::api::tests::fixture::{PATIENCE, Server};
use crate::auth::Role;
use crate::config::LesseeSource;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const NODE: &str = "/v1/nodes/leased";

async fn available(world: &World, lessee: Option<&str>) {
    world.node("leased", Some(OURS), lessee).await;
    for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
        let body = json!({"target": target});
        world.server.provision("leased", body, ends).await;
    }
    let patch = json!([{"op": "add", "path": "/instance_info/project_id", "value": THEIRS}]);
    let patched = world.server.call(Method::PATCH, NODE, patch).await;
    assert_eq!(patched.status, 200, "{}", patched.fault());
}

async fn lessee(world: &World) -> Value {
    world.server.get(NODE).await.body["lessee"].take()
}

#[tokio::test]
async fn a_deploy_gives_the_machine_to_the_project_of_its_instance() {
    let world = World::start().await;
    available(&world, None).await;
    let tenant = in_project(Role::Member, THEIRS);
    assert_eq!(world.get(&tenant, NODE).await.status, 404);
    for (target, ends) in [("active", "active"), ("rebuild", "active")] {
        let body = json!({"target": target});
        world.server.provision("leased", body, ends).await;
        let seen = world.get(&tenant, NODE).await;
        assert_eq!(seen.status, 200, "{}", seen.fault());
        assert_eq!(seen.body["lessee"], THEIRS);
        let shown = world.server.get(NODE).await.body;
        assert_eq!(shown["driver_internal_info"]["automatic_lessee"], true);
    }
    let body = json!({"target": "deleted"});
    world.server.provision("leased", body, "available").await;
    assert_eq!(lessee(&world).await, Value::Null);
    assert_eq!(world.get(&tenant, NODE).await.status, 404);
}

#[tokio::test]
async fn who_leases_it_already_goes_on_to_do_so() {
    let world = World::start().await;
    available(&world, Some("project-third")).await;
    for (target, ends) in [("active", "active"), ("deleted", "available")] {
        let body = json!({"target": target});
        world.server.provision("leased", body, ends).await;
        assert_eq!(lessee(&world).await, "project-third");
    }
}

#[tokio::test]
async fn a_setting_says_whose_it_is() {
    for (source, expected) in [
        (LesseeSource::Request, json!(OURS)),
        (LesseeSource::None, Value::Null),
    ] {
        let change = |settings: &mut crate::config::Settings| {
            settings.conductor.automatic_lessee_source = source;
        };
        let server = Server::start_with(change).await;
        let world = World { server };
        available(&world, None).await;
        let (owner, body) = (in_project(Role::Member, OURS), json!({"target": "active"}));
        let path = format!("{NODE}/states/provision");
        let asked = world.as_one(&owner, Method::PUT, &path, body).await;
        assert_eq!(asked.status, 202, "{}", asked.fault());
        let deadline = Instant::now() + PATIENCE;
        while world.server.get(NODE).await.body["provision_state"] != "active" {
            assert!(Instant::now() < deadline, "the node is not deployed");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(lessee(&world).await, expected, "{source:?}");
    }
}
