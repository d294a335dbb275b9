//! Allocations under one conductor, under several, and over the death of each; the clock is paused.

mod deaths;
mod requests;
mod search;
mod silent;

use crate::conductor::Conductor;
use crate::conductor::tests::lab::Lab;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{AllocationId, NodeId};
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::{Key, Store, Table, Transaction};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Longer than it takes until a dead conductor's work is taken over.
const PATIENCE: Duration = Duration::from_secs(900);
const CLASS: &str = "small";

fn node_id(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(100 + number))
}

fn id(number: u128) -> AllocationId {
    AllocationId(Uuid::from_u128(1000 + number))
}

async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab
}

/// The sentence of an allocation that finds nothing.
async fn error(lab: &Lab, number: u128, more: impl FnOnce(&mut Allocation)) -> String {
    let conductor = lab.conductor();
    let allocation = asking(&conductor, number, more);
    conductor.create_allocation(allocation).await.unwrap();
    let ended = ended(lab.store.as_ref(), id(number)).await;
    assert_eq!(ended.state, AllocationState::Error, "{ended:?}");
    assert_eq!(ended.node_uuid, None);
    ended.last_error.expect("a reason")
}

/// A node that is free.
async fn free(conductor: &Conductor, number: u128) -> NodeId {
    let mut node = Node::new(node_id(number), "fake-hardware", conductor.now());
    node.name = Some(format!("node-{number}"));
    node.resource_class = Some(CLASS.to_owned());
    node.provision_state = ProvisionState::Available;
    node.power_state = Some(PowerState::Off);
    conductor.create_node(node).await.unwrap().uuid
}

/// An allocation of the common class, with more asked of it.
fn asking(conductor: &Conductor, number: u128, more: impl FnOnce(&mut Allocation)) -> Allocation {
    let mut allocation = conductor.new_allocation(id(number));
    allocation.resource_class = Some(CLASS.to_owned());
    more(&mut allocation);
    allocation
}

async fn asked(conductor: &Conductor, number: u128) -> AllocationId {
    let allocation = asking(conductor, number, |_| ());
    let made = conductor.create_allocation(allocation).await.unwrap();
    assert_eq!(made.state, AllocationState::Allocating);
    made.uuid
}

async fn found(store: &dyn Store, id: AllocationId) -> Option<Allocation> {
    let record = store.get(&Key::new(Table::Allocation, id)).await.unwrap();
    record.map(|record| record.decode().unwrap())
}

async fn node(store: &dyn Store, id: NodeId) -> Node {
    let record = store.get(&Key::new(Table::Node, id)).await.unwrap();
    record.expect("the node").decode().unwrap()
}

/// Behind the conductor's back.
async fn edit(store: &dyn Store, id: NodeId, edit: impl FnOnce(&mut Node)) {
    let mut node = node(store, id).await;
    edit(&mut node);
    store.commit(Transaction::new().put(&node)).await.unwrap();
}

/// The allocation at its end.
async fn ended(store: &dyn Store, id: AllocationId) -> Allocation {
    let start = Instant::now();
    loop {
        let allocation = found(store, id).await.expect("the allocation");
        if allocation.state != AllocationState::Allocating {
            return allocation;
        }
        assert!(start.elapsed() < PATIENCE, "no end of {allocation:?}");
        sleep(Duration::from_millis(250)).await;
    }
}

/// Node and allocation belong together, and to nobody else.
async fn is_paired(store: &dyn Store, allocation: &Allocation) {
    assert_eq!(allocation.state, AllocationState::Active, "{allocation:?}");
    assert_eq!(allocation.last_error, None);
    let node = node(store, allocation.node_uuid.expect("a node")).await;
    assert_eq!(node.allocation_uuid, Some(allocation.uuid.0));
    assert_eq!(node.instance_uuid, Some(allocation.uuid.0));
}
