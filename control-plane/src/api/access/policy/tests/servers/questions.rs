//! What a server is asked, in both forms.

use super::super::{ann, of_text, root};
use super::{Server, may_switch, policy};
use crate::api::access::policy::{Answers, Policy};
use crate::api::access::rules;
use crate::api::access::who::Target;
use crate::config::auth::{PolicyServers, QuestionForm, Rbac};
use serde_json::{Value, json};
use std::path::Path;

const RULE: &str = "baremetal:node:set_power_state";

fn in_json() -> PolicyServers {
    PolicyServers {
        form: QuestionForm::Json,
        ..PolicyServers::default()
    }
}

/// Of Ann.
fn caller() -> Value {
    json!({
        "user_id": "ann",
        "user_domain_id": "d",
        "system_scope": null,
        "domain_id": null,
        "project_id": "ours",
        "project_domain_id": null,
        "project_name": "the name",
        "roles": ["member", "reader", "operator"],
        "is_admin_project": true,
        "is_public_api": false,
    })
}

/// What is known of the caller, and this.
fn with(caller: &Value, more: &Value) -> Value {
    let mut all = caller.clone();
    let object = all.as_object_mut().unwrap();
    object.extend(more.as_object().unwrap().clone());
    all
}

impl Server {
    /// The only question since the last one, of which the body is JSON.
    fn question(&self) -> Value {
        let heard = std::mem::take(&mut *self.heard.lock());
        let [(_, content_type, body)] = heard.as_slice() else {
            panic!("one question: {heard:?}");
        };
        assert_eq!(content_type, "application/json");
        serde_json::from_str(body).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_object_and_caller_in_json() {
    let server = Server::start().await;
    // It is told the rule that was asked, and not the one that names it.
    let text = format!("'{RULE}': 'rule:other'\n'other': '{}'", server.at("/yes"));
    let policy = of_text(&text).asking(&in_json()).unwrap();
    assert!(may_switch(&policy, "theirs", &Answers::default()));
    let node = json!({"node.owner": "theirs", "node.lessee": null});
    let expected = json!({"rule": RULE, "target": with(&caller(), &node), "credentials": caller()});
    assert_eq!(server.question(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_object_has_its_names() {
    let server = Server::start().await;
    let policy = policy(&server.at("/yes"), &in_json());
    for (target, expected) in [
        (Target::NOBODYS, json!({})),
        (
            Target::of_projects(None, Some("a")),
            json!({"node.owner": null, "node.lessee": "a"}),
        ),
        (
            Target::of_allocation(Some("a")),
            json!({"allocation.owner": "a"}),
        ),
        (Target::of_runbook(None), json!({"runbook.owner": null})),
    ] {
        let answers = Answers::default();
        assert!(policy.allows(&rules::NODE_SET_POWER, &ann(), target, &answers));
        let question = server.question();
        assert_eq!(question["target"], with(&caller(), &expected), "{target:?}");
        assert_eq!(question["credentials"], caller(), "{target:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_the_system_and_the_project_of_services() {
    let server = Server::start().await;
    let rbac = Rbac {
        service_role_elevated_access: true,
        ..Rbac::default()
    };
    let text = format!("'{RULE}': '{}'", server.at("/yes"));
    let policy = Policy::of_text(rbac, Path::new("policy.yaml"), &text).unwrap();
    let policy = policy.asking(&in_json()).unwrap();
    let answers = Answers::default();
    assert!(policy.allows(&rules::NODE_SET_POWER, &root(), Target::NOBODYS, &answers));
    let target = json!({
        "user_id": "root",
        "user_domain_id": null,
        "system_scope": "all",
        "domain_id": null,
        "project_id": null,
        "project_domain_id": null,
        "project_name": null,
        "roles": ["admin", "manager", "member", "reader"],
        "is_admin_project": false,
        "is_public_api": false,
        "config.service_project_name": "service",
    });
    let credentials = with(&target, &json!({"system": "all"}));
    let expected = json!({"rule": RULE, "target": target, "credentials": credentials});
    assert_eq!(server.question(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_the_same_as_texts_of_json() {
    let server = Server::start().await;
    let policy = policy(&server.at("/yes"), &PolicyServers::default());
    assert!(may_switch(&policy, "a&b=ü", &Answers::default()));
    let heard = server.heard.lock().pop().unwrap();
    assert_eq!(heard.1, "application/x-www-form-urlencoded");
    let pairs: Vec<(String, Value)> = url::form_urlencoded::parse(heard.2.as_bytes())
        .map(|(name, text)| (name.into_owned(), serde_json::from_str(&text).unwrap()))
        .collect();
    let node = json!({"node.owner": "a&b=ü", "node.lessee": null});
    let expected = [
        ("rule".to_owned(), json!(RULE)),
        ("target".to_owned(), with(&caller(), &node)),
        ("credentials".to_owned(), caller()),
    ];
    assert_eq!(pairs, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_an_address_stays_in_its_place() {
    let server = Server::start().await;
    for (owner, expected) in [
        ("ours-1_2.3~", Some("/a/ours-1_2.3~?b=ann")),
        (
            "a/../b?c&d#e%f",
            Some("/a/a%2F..%2Fb%3Fc%26d%23e%25f?b=ann"),
        ),
        ("ü", Some("/a/%C3%BC?b=ann")),
        ("..", None),
    ] {
        let policy = policy(&server.at("/a/%(node.owner)s?b=%(user_id)s"), &in_json());
        let is_let = may_switch(&policy, owner, &Answers::default());
        assert_eq!(is_let, expected.is_some(), "{owner}");
        assert_eq!(server.paths(), Vec::from_iter(expected), "{owner}");
    }
    // What the object does not have cannot be asked about; what it could have is None, as in Ironic.
    let of_another = policy(&server.at("/a/%(allocation.owner)s"), &in_json());
    assert!(!may_switch(&of_another, "ours", &Answers::default()));
    assert_eq!(server.paths(), [""; 0]);
    let of_lessee = policy(&server.at("/a/%(node.lessee)s"), &in_json());
    assert!(may_switch(&of_lessee, "ours", &Answers::default()));
    assert_eq!(server.paths(), ["/a/None"]);
}
