//! Many nodes in one request: each item by the rule of a single request, for whoever asks.

use super::{OURS, THEIRS, World, in_project, in_system};
use crate::auth::{Identity, Role};
use http::Method;
use serde_json::{Value, json};

const BULK: &str = "/ferric/v1/nodes/bulk";

const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Manager,
    Role::Member,
    Role::Reader,
    Role::Service,
];

/// The statuses of the items; that of the whole where there are none.
async fn statuses(world: &World, who: &Identity, body: Value) -> Vec<u64> {
    let answer = world.as_one(who, Method::POST, BULK, body).await;
    let Some(results) = answer.body["results"].as_array() else {
        return vec![answer.status.as_u16().into()];
    };
    let results = results.iter();
    results
        .map(|result| result["status"].as_u64().unwrap())
        .collect()
}

fn manage(nodes: &[&str]) -> Value {
    json!({"action": "provision", "defaults": {"target": "manage"}, "nodes": nodes})
}

/// A node of each kind, new for each persona, asked for by itself and in bulk.
#[tokio::test]
async fn an_item_is_answered_as_a_single_request() {
    let world = World::start().await;
    let personas = ROLES
        .iter()
        .flat_map(|role| [in_system(*role), in_project(*role, OURS)]);
    let (mut number, mut seen) = (0, std::collections::BTreeSet::new());
    for who in personas {
        for (owner, lessee) in [
            (Some(OURS), None),
            (Some(THEIRS), Some(OURS)),
            (Some(THEIRS), None),
            (None, None),
        ] {
            for action in ["provision", "delete"] {
                let mut names = Vec::new();
                for _ in 0..2 {
                    number += 1;
                    let name = format!("n{number}");
                    world.node(&name, owner, lessee).await;
                    names.push(name);
                }
                let (method, path, asked) = match action {
                    "delete" => (
                        Method::DELETE,
                        format!("/v1/nodes/{}", names[0]),
                        Value::Null,
                    ),
                    _ => (
                        Method::PUT,
                        format!("/v1/nodes/{}/states/provision", names[0]),
                        json!({"target": "manage"}),
                    ),
                };
                let single = world.as_one(&who, method, &path, asked).await.status;
                let mut body = json!({"action": action, "nodes": [names[1]]});
                if action == "provision" {
                    body["defaults"] = json!({"target": "manage"});
                }
                let found = statuses(&world, &who, body).await;
                let context = format!("{action} of {owner:?} {lessee:?} by {who:?}");
                let is_reader = who.has(Role::Reader) && !who.has(Role::Member);
                // Who changes nothing anywhere is refused as a whole.
                let expected: u64 = match is_reader {
                    true => 403,
                    false => single.as_u16().into(),
                };
                assert_eq!(found, [expected], "{context}");
                assert!(!is_reader || !single.is_success(), "{context}");
                seen.insert(expected);
            }
        }
    }
    let expected = [202, 204, 403, 404];
    assert!(
        expected.iter().all(|status| seen.contains(status)),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_hidden_node_is_not_there_and_a_forbidden_one_is_told_of() {
    let world = World::start().await;
    world.node("ours", Some(OURS), None).await;
    world.node("lent", Some(THEIRS), Some(OURS)).await;
    world.node("theirs", Some(THEIRS), None).await;
    let member = in_project(Role::Member, OURS);
    let nodes = ["ours", "lent", "theirs", "none"];
    let found = statuses(&world, &member, manage(&nodes)).await;
    assert_eq!(found, [202, 403, 404, 404]);
    let manager = in_project(Role::Manager, OURS);
    let found = statuses(&world, &manager, manage(&["lent", "theirs"])).await;
    assert_eq!(found, [202, 404]);
}

#[tokio::test]
async fn projects_enrol_what_is_their_own() {
    let world = World::start().await;
    let enrol = |name: &str, owner: Option<&str>| {
        json!({"action": "enrol", "nodes": [{"name": name, "driver": "fake-hardware", "owner": owner,
            "network_interface": "noop", "ports": [format!("52:54:00:00:00:{:02x}", name.len())]}]})
    };
    let admin = in_project(Role::Admin, OURS);
    assert_eq!(statuses(&world, &admin, enrol("a", None)).await, [201]);
    let node = world.get(&admin, "/v1/nodes/a").await;
    assert_eq!(node.body["owner"], OURS);
    let others = enrol("ab", Some(THEIRS));
    assert_eq!(statuses(&world, &admin, others).await, [400]);
    let member = in_project(Role::Member, OURS);
    assert_eq!(statuses(&world, &member, enrol("abc", None)).await, [403]);
}

#[tokio::test]
async fn a_request_is_its_projects() {
    let world = World::start().await;
    world.node("ours", Some(OURS), None).await;
    let member = in_project(Role::Member, OURS);
    let asked = manage(&["ours"]);
    let answer = world
        .as_one(&member, Method::POST, BULK, asked.clone())
        .await;
    let id = answer.body["id"].as_str().unwrap().to_owned();
    let path = format!("/ferric/v1/bulk/{id}");
    let cancel = format!("{path}/cancel");
    let reader = in_project(Role::Reader, OURS);
    for who in [&member, &reader, &in_system(Role::Reader)] {
        assert_eq!(world.get(who, &path).await.status, 200, "{who:?}");
        let list = world.get(who, "/ferric/v1/bulk").await.body;
        assert_eq!(list["requests"][0]["id"], json!(id), "{who:?}");
    }
    let theirs = in_project(Role::Admin, THEIRS);
    let list = world.get(&theirs, "/ferric/v1/bulk").await.body;
    assert_eq!(list["requests"], json!([]));
    let call = |path| (Method::GET, path, Value::Null);
    let path = path.as_str();
    world
        .refuses(&theirs, call(path), 404, "could not be found")
        .await;
    for (who, status) in [(&theirs, 404), (&reader, 403)] {
        let call = (Method::POST, cancel.as_str(), Value::Null);
        world.refuses(who, call, status, "").await;
    }
    for who in [&member, &in_system(Role::Member)] {
        let done = world.as_one(who, Method::POST, &cancel, Value::Null).await;
        assert_eq!(done.status, 200, "{who:?}");
    }
    // Another project cannot have its answer by sending the same.
    let mut same = asked;
    same["id"] = json!(id);
    world
        .refuses(&theirs, (Method::POST, BULK, same), 409, "another")
        .await;
}
