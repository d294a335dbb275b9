//! Records are imported beside whatever is going on with their node, and never into it.

use super::agent::Plan;
use super::lab::Lab;
use crate::conductor::import::{Import, Imported, InTransition, NodeImport, OnNode};
use crate::conductor::requests::RequestError;
use ferric_model::ids::{Epoch, Incarnation, NodeId, PortId};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table, Transaction};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

const PORT: PortId = PortId(Uuid::from_u128(77));
const ADDRESS: &str = "52:54:00:00:00:77";

fn port(node: NodeId) -> Import {
    let at = Timestamp::UNIX_EPOCH;
    let port = Port::new(PORT, ADDRESS.parse().unwrap(), node, at);
    Import::OnNode(OnNode::Port(port))
}

async fn import(lab: &Lab, record: Import) -> Result<Imported, RequestError> {
    lab.conductor().import(record, InTransition::Fail).await
}

async fn has_port(lab: &Lab) -> bool {
    let found = lab.store.get(&Key::new(Table::Port, PORT)).await;
    found.unwrap().is_some()
}

fn conflict<T: std::fmt::Debug>(outcome: Result<T, RequestError>) -> String {
    match outcome {
        Err(RequestError::Conflict(text)) => text,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_is_answered_by_dhcp_when_its_import_is() {
    let mut lab = Lab::new();
    let folder = lab.folder.path().to_owned();
    lab.configure(|settings| {
        settings.boot.dnsmasq_hosts_dir = Some(folder.join("hosts"));
        settings.boot.dnsmasq_options_dir = Some(folder.join("options"));
    });
    lab.start(None).await;
    lab.enroll_active().await;
    let imported = import(&lab, port(lab.machine.node)).await.unwrap();
    assert_eq!(imported, Imported::Created);
    let hosts = folder.join(format!("hosts/ironic-{ADDRESS}.conf"));
    assert!(hosts.exists());
    assert!(folder.join(format!("options/ironic-{PORT}.conf")).exists());
    // Like the files of any other port, it goes with it.
    lab.conductor().destroy_port(PORT).await.unwrap();
    let ignored = || std::fs::read_to_string(&hosts).is_ok_and(|host| host.contains("ignore"));
    while !ignored() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_onto_a_node_that_somebody_holds_or_that_has_a_run() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    let node = lab.machine.node;
    let held = lab.conductor().locks().acquire(node, "a test").unwrap();
    let text = conflict(import(&lab, port(node)).await);
    assert!(text.contains("(a test)"), "{text}");
    drop(held);
    waits_in_vain(&lab).await;
    let text = conflict(import(&lab, port(node)).await);
    assert!(text.contains("is worked on (wait call-back)"), "{text}");
    assert!(!has_port(&lab).await);
}

/// The node is being deployed, and its machine is never heard of.
async fn waits_in_vain(lab: &Lab) {
    lab.plan(Plan {
        broken: true,
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    lab.wait_for(State::DeployWait).await;
}

/// Another conductor has taken the node over, and goes on with it, between the look at it and the commit.
#[tokio::test(start_paused = true)]
async fn nothing_comes_onto_a_node_that_has_changed_hands() {
    let mut lab = Lab::new();
    let halting = lab.start(None).await;
    lab.enroll_available().await;
    let mut theirs = lab.node().await;
    let owner = theirs.ownership.as_mut().unwrap();
    owner.conductor = "two".to_owned();
    owner.incarnation = Incarnation(Uuid::from_u128(2));
    owner.epoch = Epoch(owner.epoch.0 + 1);
    let store = lab.store.clone();
    halting.meanwhile(async move {
        let taken = Transaction::new().put(&theirs);
        store.commit(taken).await.unwrap();
    });
    let refused = import(&lab, port(lab.machine.node)).await;
    assert!(
        matches!(refused, Err(RequestError::Busy { .. })),
        "{refused:?}"
    );
    assert!(!has_port(&lab).await);
}

/// What was imported once, with the secret or without.
fn record(lab: &Lab, password: Option<&str>) -> Import {
    let mut node = Node::new(lab.machine.node, "fake-hardware", Timestamp::UNIX_EPOCH);
    let secret = password.map(|password| ("password".to_owned(), json!(password)));
    node.driver_info.extend(secret);
    let missing = match password {
        Some(_) => Vec::new(),
        None => vec!["driver_info/password".to_owned()],
    };
    let import = NodeImport {
        node,
        allocation: None,
        missing,
    };
    import.into()
}

/// An import takes nothing out of the hands of a run, whatever is asked for.
#[tokio::test(start_paused = true)]
async fn a_node_with_a_run_is_left_as_it_is() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    waits_in_vain(&lab).await;
    let before = lab.node().await;
    let text = conflict(import(&lab, record(&lab, Some("hush"))).await);
    assert!(text.contains("differs in"), "{text}");
    assert_eq!(lab.node().await, before);

    // One that was held back for want of secrets is completed, but not now.
    let mut lab = Lab::new();
    lab.start(None).await;
    import(&lab, record(&lab, None)).await.unwrap();
    lab.edit(|node| node.run = before.run).await;
    let text = conflict(import(&lab, record(&lab, Some("hush"))).await);
    assert!(text.contains("is worked on"), "{text}");
    assert!(lab.node().await.driver_info.is_empty());
}
