//! Allocations whose candidates belong to several conductors: each is asked for its own nodes, and no node goes twice.

use super::fixture::{Cell, Running, Way};
use super::until;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{AllocationId, NodeId};
use ferric_model::node::Node;
use ferric_model::state::{PowerState, ProvisionState};
use ferric_store::Query;
use std::collections::BTreeMap;
use uuid::Uuid;

async fn free(running: &Running, number: u128) {
    let id = NodeId(Uuid::from_u128(100 + number));
    let mut node = Node::new(id, "fake-hardware", running.conductor.now());
    node.resource_class = Some("small".to_owned());
    node.provision_state = ProvisionState::Available;
    node.power_state = Some(PowerState::Off);
    running.conductor.create_node(node).await.unwrap();
}

async fn ask(running: &Running, number: u128) {
    let id = AllocationId(Uuid::from_u128(1000 + number));
    let mut allocation = running.conductor.new_allocation(id);
    allocation.resource_class = Some("small".to_owned());
    running
        .conductor
        .create_allocation(allocation)
        .await
        .unwrap();
}

async fn all<E: ferric_store::Entity>(cell: &Cell) -> Vec<E> {
    let page = cell.store.page(&Query::all(E::TABLE)).await.unwrap();
    let records = page.records.into_iter();
    records.map(|record| record.decode().unwrap()).collect()
}

#[tokio::test]
async fn two_conductors_that_race_for_the_same_nodes_share_them() {
    let cell = Cell::new();
    let one = cell.start("one", Way::default()).await;
    let two = cell.start("two", Way::default()).await;
    for number in 0..3 {
        free(&one, number).await;
        free(&two, 10 + number).await;
    }
    for number in 0..5 {
        tokio::join!(ask(&one, number), ask(&two, 100 + number));
    }
    until("the end of all allocations", async || {
        let allocations = all::<Allocation>(&cell).await;
        let open = |allocation: &Allocation| allocation.state == AllocationState::Allocating;
        !allocations.iter().any(open)
    })
    .await;
    let mut holders = BTreeMap::new();
    let mut losers = 0;
    for allocation in all::<Allocation>(&cell).await {
        match allocation.node_uuid {
            Some(node) => {
                let before = holders.insert(node, allocation.uuid);
                assert_eq!(before, None, "{node} went twice");
            }
            None => losers += 1,
        }
    }
    assert_eq!((holders.len(), losers), (6, 4));
    for node in all::<Node>(&cell).await {
        let holder = holders[&node.uuid].0;
        assert_eq!(node.instance_uuid, Some(holder));
        assert_eq!(node.allocation_uuid, Some(holder));
    }
}

#[tokio::test]
async fn the_owner_of_the_node_ends_and_backfills_them() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    cell.edit(|node| {
        node.provision_state = ProvisionState::Active;
        node.resource_class = Some("small".to_owned());
    })
    .await;
    let node = cell.node().await;
    let id = AllocationId(Uuid::from_u128(9));
    let allocation = two.conductor.new_allocation(id);
    let made = two
        .conductor
        .backfill_allocation(node.uuid, allocation)
        .await;
    assert_eq!(made.unwrap().state, AllocationState::Active);
    assert_eq!(cell.node().await.allocation_uuid, Some(id.0));
    let refused = two.conductor.destroy_allocation(id).await.unwrap_err();
    assert!(refused.to_string().contains("is active"), "{refused}");
    cell.edit(|node| node.maintenance = true).await;
    two.conductor.destroy_allocation(id).await.unwrap();
    assert_eq!(cell.node().await.instance_uuid, None);
    assert!(all::<Allocation>(&cell).await.is_empty());
}
