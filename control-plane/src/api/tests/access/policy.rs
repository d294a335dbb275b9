//! A file of rules in the place of Ferric's, as callers meet it.

use super::held::two_ports;
use super::{OURS, THEIRS, World, ask, in_project, uuids};
use crate::api::{Gate, operator_router};
use crate::auth::played::Played;
use crate::auth::{Authenticator, Identity, Role};
use crate::config::auth::{PolicyServers, Rbac};
use axum::Router;
use axum::extract::State;
use http::{Method, StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// A file of rules, for as long as the test runs.
struct Rules {
    folder: tempfile::TempDir,
}

impl Rules {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = Self { folder };
        rules.write(text);
        rules
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("policy.yaml")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    fn gate(&self, who: &Identity) -> Gate {
        let authenticator = Authenticator::played(who.clone());
        let servers = PolicyServers::default();
        Gate::with_policy_file(authenticator, Rbac::default(), &self.path(), servers).unwrap()
    }

    /// The API as this one meets it under these rules.
    fn router(&self, world: &World, who: &Identity) -> Router {
        router(world, self.gate(who))
    }
}

fn router(world: &World, gate: Gate) -> Router {
    let server = &world.server;
    let stop = server.stop.clone();
    operator_router(server.conductor.clone(), Some("http://api"), stop, gate)
}

/// Of another project, and with a role that Ferric's own rules do not know.
fn operator() -> Identity {
    let identity = in_project(Role::Reader, THEIRS);
    let identity = identity.with_roles([]);
    identity.with_other_roles(["operator"].into_iter())
}

const OPERATORS: &str = "
'baremetal:node:get': 'rule:is_node_owner or role:operator'
'baremetal:node:set_power_state': 'role:operator'
'baremetal:node:list': 'not role:reader'
'baremetal:node:list_all': 'role:operator'
";

const ON: (Method, &str) = (Method::PUT, "/v1/nodes/own/states/power");

#[tokio::test]
async fn a_file_gives_to_a_role_of_its_own_and_takes_from_others() {
    let world = World::start().await;
    world.node("own", Some(OURS), None).await;
    let on = json!({"target": "power on"});
    let rules = Rules::new(OPERATORS);

    let operator = operator();
    let api = rules.router(&world, &operator);
    let listed = ask(&api, Method::GET, "/v1/nodes", &[], Value::Null).await;
    assert_eq!(uuids(&listed, "nodes").len(), 1);
    let (method, path) = ON;
    let done = ask(&api, method.clone(), path, &[], on.clone()).await;
    assert_eq!(done.status, 202, "{}", done.fault());
    // Not without the file.
    let refused = world.as_one(&operator, method.clone(), path, on.clone());
    assert_eq!(refused.await.status, 404);

    let admin = in_project(Role::Admin, OURS);
    let api = rules.router(&world, &admin);
    let refused = ask(&api, method, path, &[], on).await;
    assert_eq!(refused.status, 403);
    let fault = refused.fault();
    let expected =
        "access is denied: baremetal:node:set_power_state is for whoever fulfils \"role:operator\"";
    assert!(fault.contains(expected), "{fault}");
    for path in ["/v1/nodes", "/v1/nodes/detail", "/v1/nodes/own/children"] {
        let refused = ask(&api, Method::GET, path, &[], Value::Null).await;
        let fault = refused.fault();
        assert_eq!(refused.status, 403, "{path}: {fault}");
        assert!(
            fault.contains("baremetal:node:list is for whoever fulfils \"not role:reader\""),
            "{fault}"
        );
    }
    // What the file does not change is as it was.
    let validated = ask(
        &api,
        Method::GET,
        "/v1/nodes/own/validate",
        &[],
        Value::Null,
    )
    .await;
    assert_eq!(validated.status, 200, "{}", validated.fault());
}

#[tokio::test]
async fn what_a_file_hides_stands_in_no_list() {
    let world = World::start().await;
    let [own, foreign] = two_ports(&world).await;
    let patch = json!([{"op": "add", "path": "/lessee", "value": OURS}]);
    let path = "/v1/nodes/foreign";
    let lent = world.server.call(Method::PATCH, path, patch).await;
    assert_eq!(lent.status, 200, "{}", lent.fault());

    let reader = in_project(Role::Reader, OURS);
    for (text, ports, leased) in [
        ("", vec![&own, &foreign], 200),
        (
            "'baremetal:node:get': 'rule:is_node_owner'",
            vec![&own],
            404,
        ),
        // Also where a list may hold everything.
        (
            "'baremetal:node:get': 'rule:is_node_lessee'\n'baremetal:port:list_all': '@'\n'baremetal:node:list_all': '@'",
            vec![&foreign],
            200,
        ),
        ("'baremetal:node:get': '!'", vec![], 404),
    ] {
        let api = Rules::new(text).router(&world, &reader);
        let get = async |path: &str| ask(&api, Method::GET, path, &[], Value::Null).await;
        let listed = uuids(&get("/v1/ports").await, "ports");
        let listed: Vec<String> = listed.iter().map(|id| format!("/v1/ports/{id}")).collect();
        let listed: Vec<&String> = listed.iter().collect();
        assert_eq!(listed, ports, "{text}");
        let nodes = uuids(&get("/v1/nodes").await, "nodes");
        assert_eq!(nodes.len(), ports.len(), "{text}");
        assert_eq!(get("/v1/nodes/foreign").await.status, leased, "{text}");
    }
}

/// What a played server of policies was asked at, and whether it fails.
type Asked = Arc<Mutex<(BTreeSet<String>, bool)>>;

/// Lets whoever asks about something of ours.
async fn decide(State(asked): State<Asked>, uri: Uri) -> (StatusCode, &'static str) {
    let mut asked = asked.lock();
    asked.0.insert(uri.path().to_owned());
    match (asked.1, uri.path().ends_with(OURS)) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "True"),
        (false, true) => (StatusCode::OK, "True"),
        (false, false) => (StatusCode::OK, "False"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_who_sees_what() {
    let world = World::start().await;
    let own = world.node("own", Some(OURS), None).await;
    world.node("foreign", Some(THEIRS), None).await;
    world.node("free", None, None).await;
    let asked = Asked::default();
    let server = Router::new().fallback(decide);
    let server = Played::start(server.with_state(Arc::clone(&asked))).await;
    let rules = Rules::new(&format!(
        "'baremetal:node:list_all': '@'\n'baremetal:node:get': 'role:reader and {}/see/%(node.owner)s'",
        server.url
    ));
    let api = rules.router(&world, &in_project(Role::Reader, OURS));
    let get = async |path: &str| ask(&api, Method::GET, path, &[], Value::Null).await;
    assert_eq!(uuids(&get("/v1/nodes").await, "nodes"), [own]);
    let expected = ["/see/None", "/see/project-ours", "/see/project-theirs"];
    let expected = BTreeSet::from(expected.map(str::to_owned));
    assert_eq!(asked.lock().0, expected);
    assert_eq!(get("/v1/nodes/own").await.status, 200);
    assert_eq!(get("/v1/nodes/foreign").await.status, 404);
    // A server that fails lets nobody.
    asked.lock().1 = true;
    assert_eq!(get("/v1/nodes/own").await.status, 404);
    assert_eq!(uuids(&get("/v1/nodes").await, "nodes"), [""; 0]);
}

#[tokio::test]
async fn a_step_may_have_a_rule_of_its_own() {
    let world = World::start().await;
    let node = world.node("own", Some(OURS), None).await;
    let manage = json!({"target": "manage"});
    world.server.provision(&node, manage, "manageable").await;
    let rules = Rules::new(
        "'baremetal:step:execute:power.power_on': 'role:operator and rule:is_node_owner'",
    );
    let admin = in_project(Role::Admin, OURS);
    let operator = admin.clone().with_other_roles(["operator"].into_iter());
    let clean = |step: &str| {
        let steps = json!([{"interface": "power", "step": step, "order": 1}]);
        json!({"target": "clean", "clean_steps": steps})
    };
    let runbook = json!({"name": "CUSTOM_ON", "steps": [{"interface": "power", "step": "power_on",
        "args": {}, "order": 1}]});
    let own = "/v1/nodes/own/states/provision";
    for (who, path, body, status) in [
        (&admin, own, clean("power_on"), 403),
        (&admin, "/v1/runbooks", runbook.clone(), 403),
        // No node is known yet.
        (&operator, "/v1/runbooks", runbook, 403),
        (&operator, own, clean("power_on"), 202),
    ] {
        let method = if path == own {
            Method::PUT
        } else {
            Method::POST
        };
        let api = rules.router(&world, who);
        let answer = ask(&api, method, path, &[], body.clone()).await;
        let fault = answer.fault();
        assert_eq!(answer.status, status, "{body}: {fault}");
        let text =
            "baremetal:step:execute:power.power_on is for whoever fulfils \"role:operator and";
        assert_eq!(fault.contains(text), status == 403, "{body}: {fault}");
    }
}

#[tokio::test]
async fn the_file_is_read_again_and_a_bad_one_changes_nothing() {
    let world = World::start().await;
    world.node("own", Some(OURS), None).await;
    let rules = Rules::new("'baremetal:node:get': '!'");
    let gate = rules.gate(&in_project(Role::Reader, OURS));
    let api = router(&world, gate.clone());
    let status = async || {
        let answer = ask(&api, Method::GET, "/v1/nodes/own", &[], Value::Null).await;
        answer.status.as_u16()
    };
    assert_eq!(status().await, 404);
    rules.write("'baremetal:node:get': 'role:reader'");
    assert_eq!(status().await, 404, "nobody has said that it is another");
    gate.reload().unwrap();
    assert_eq!(status().await, 200);
    rules.write("'baremetal:node:get': 'rule:nobody'");
    let error = gate.reload().unwrap_err().to_string();
    assert!(error.contains("there is no rule \"nobody\""), "{error}");
    assert_eq!(status().await, 200);
    std::fs::remove_file(rules.path()).unwrap();
    assert!(gate.reload().is_err());
    assert_eq!(status().await, 200);
}

#[test]
fn a_bad_file_keeps_from_starting() {
    let rules = Rules::new("'baremetal:node:get': 'role:reader and tenant:x'");
    let (nobody, servers) = (Authenticator::nobody(), PolicyServers::default());
    let gate = Gate::with_policy_file(nobody, Rbac::default(), &rules.path(), servers);
    let error = gate.map(drop).unwrap_err().to_string();
    let path = rules.path().display().to_string();
    for part in [
        path.as_str(),
        "rule \"baremetal:node:get\": \"tenant\" is not known",
        "project_id",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_rules_of_a_file_are_shown() {
    let rules = Rules::new("'baremetal:node:get': 'role:reader'\n'idle': '!'");
    let shown = crate::api::rules_for_people(Some(&rules.path())).unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    for line in [
        "baremetal:node:get: whoever fulfils \"role:reader\", of the policy file",
        "baremetal:chassis:create: admin of the system",
        "warning: rule \"idle\" changes nothing: it is no rule of ferric's, and none refers to it",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
}
