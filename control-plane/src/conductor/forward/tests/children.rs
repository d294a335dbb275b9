//! A step on a child node that another conductor has: it is asked for.

use super::fixture::{Cell, NODE, Running};
use super::until;
use crate::conductor::requests::{ProvisionRequest, RequestedStep};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_model::verb::Verb;
use ferric_store::{Key, Table};
use uuid::Uuid;

const PARENT: NodeId = NodeId(Uuid::from_u128(7));

async fn parent(cell: &Cell) -> Node {
    let found = cell.store.get(&Key::new(Table::Node, PARENT)).await;
    found.unwrap().expect("the parent").decode().unwrap()
}

async fn rests(cell: &Cell) {
    until("the parent's rest", async || {
        let node = parent(cell).await;
        node.provision_state == ProvisionState::Manageable && node.run.is_none()
    })
    .await;
}

/// `two` has a manageable parent, and `one` its child.
async fn family(cell: &Cell, two: &Running) {
    let node = Node::new(PARENT, "fake-hardware", two.conductor.now());
    two.conductor.create_node(node).await.unwrap();
    cell.edit(|node| node.parent_node = Some(PARENT)).await;
    let manage = ProvisionRequest::new(Verb::Manage);
    two.conductor.provision(PARENT, manage).await.unwrap();
    rests(cell).await;
}

async fn switch_children_on(two: &Running) {
    let mut clean = ProvisionRequest::new(Verb::Clean);
    clean.steps = vec![RequestedStep {
        on_children: Some(Vec::new()),
        ..RequestedStep::new("power", "power_on")
    }];
    two.conductor.provision(PARENT, clean).await.unwrap();
}

#[tokio::test]
async fn a_child_is_taken_for_a_step_of_its_parent() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    family(&cell, &two).await;
    let before = cell.node().await.ownership.unwrap();
    assert_eq!(before.conductor, "one");
    switch_children_on(&two).await;
    rests(&cell).await;
    let child = cell.node().await;
    assert_eq!(parent(&cell).await.last_error, None);
    assert_eq!(child.power_state, Some(PowerState::On));
    let owner = child.ownership.unwrap();
    assert_eq!(owner.conductor, "two");
    assert_eq!(owner.epoch.0, before.epoch.0 + 1);
}

#[tokio::test]
async fn a_child_whose_conductor_is_silent_fails_the_step_and_is_named() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    family(&cell, &two).await;
    one.silence().await;
    switch_children_on(&two).await;
    until("the failure", async || {
        parent(&cell).await.provision_state == ProvisionState::CleanFailed
    })
    .await;
    let error = parent(&cell).await.last_error.unwrap();
    assert!(error.contains(&NODE.to_string()), "{error}");
    assert!(error.contains("cannot be reached"), "{error}");
    assert_eq!(cell.node().await.ownership.unwrap().conductor, "one");
}
