//! What a request names beside its path, and its caller may not see.

use super::held::two_ports;
use super::others::runbook;
use super::{OURS, THEIRS, World, in_project, in_system};
use crate::auth::Role;
use http::Method;
use serde_json::{Value, json};

/// What a list begins behind, or is filtered by, tells nothing that the path of the object would not.
#[tokio::test]
async fn what_is_hidden_is_told_of_as_what_there_is_not() {
    let world = World::start().await;
    let [own, foreign] = two_ports(&world).await;
    let post = async |path: &str, body: Value| {
        let made = world.server.call(Method::POST, path, body).await;
        assert_eq!(made.status, 201, "{path}: {}", made.fault());
        made.body["uuid"].as_str().unwrap().to_owned()
    };
    let node = world.server.get("/v1/nodes/foreign").await.body["uuid"].clone();
    let group = json!({"node_uuid": node, "name": "bond"});
    let target =
        json!({"node_uuid": node, "volume_type": "iscsi", "boot_index": 0, "volume_id": "1"});
    let hidden = [
        ("ports", foreign.rsplit('/').next().unwrap().to_owned()),
        ("portgroups", post("/v1/portgroups", group).await),
        ("volume/targets", post("/v1/volume/targets", target).await),
        (
            "allocations",
            post(
                "/v1/allocations",
                json!({"resource_class": "c", "owner": THEIRS}),
            )
            .await,
        ),
        (
            "runbooks",
            post(
                "/v1/runbooks",
                runbook("CUSTOM_T", &json!({"owner": THEIRS})),
            )
            .await,
        ),
    ];
    let reader = in_project(Role::Reader, OURS);
    let unknown = "00000000-0000-4000-8000-000000000000";
    let told = async |path: &str, id: &str| {
        let answer = world.get(&reader, &format!("/v1/{path}{id}")).await;
        (answer.status, answer.fault().replace(id, "it"))
    };
    for (kind, id) in &hidden {
        let path = format!("{kind}?marker=");
        let (status, fault) = told(&path, id).await;
        assert_eq!(status, 404, "{path}: {fault}");
        assert_eq!((status, fault), told(&path, unknown).await, "{path}");
        let system = world
            .get(&in_system(Role::Reader), &format!("/v1/{path}{id}"))
            .await;
        assert_eq!(system.status, 200, "{path}: {}", system.fault());
    }
    let of_group = "ports?portgroup=";
    for name in ["bond", &hidden[1].1] {
        let (status, fault) = told(of_group, name).await;
        assert_eq!((status, fault), told(of_group, unknown).await, "{name}");
    }
    let own = own.rsplit('/').next().unwrap();
    assert_eq!(told("ports?marker=", own).await.0, 200);
}
