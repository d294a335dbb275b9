//! Several conductors: an item is begun by the owner of its node, whoever was asked and whoever dies.

use super::{
    begun, deploy, deployed_in_order, ended, free, id, item, node, node_id, request, until,
};
use crate::conductor::tests::cluster_lab::{Cluster, Member};
use ferric_model::bulk::{BulkItem, BulkState};
use ferric_store::{Store, Transaction};
use std::time::Duration;
use tokio::time::{Instant, sleep};

type Named = (String, Member);

/// Two conductors and a free node. One of them has it; the other one, which cannot reach it, is asked and waits. Answers
/// who has the node, and who waits.
async fn waiting(cluster: &Cluster) -> (Named, Named) {
    let mut members = cluster.start_all(&["one", "two"]).await;
    let store = cluster.lab.store.as_ref();
    free(&members["one"].conductor, 0).await;
    // Until it is where the ring has it.
    sleep(Duration::from_secs(30)).await;
    let owner = owner(store).await;
    let other = if owner == "one" { "two" } else { "one" };
    let member = members.remove(other).expect("a member");
    deploy(&member.conductor, 1, [0]).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(item(store, 1, 0).await.state, BulkState::Queued);
    let worker = request(store, 1).await.unwrap().worker;
    assert_eq!(worker.conductor, other);
    let owner = members.pop_first().expect("the other member");
    (owner, (other.to_owned(), member))
}

async fn owner(store: &dyn Store) -> String {
    let node = node(store, node_id(0)).await;
    node.ownership.expect("an owner").conductor
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_the_node_over_begins() {
    let cluster = Cluster::new();
    let ((name, member), (other, _waits)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    cluster.kill(&name, member);
    let done = ended(store, 1, 0).await;
    assert_eq!(done.state, BulkState::Done, "{done:?}");
    assert_eq!(owner(store).await, other);
    deployed_in_order(store, 1, [0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_request_of_a_conductor_that_is_gone_is_taken_over() {
    let cluster = Cluster::new();
    let ((name, _owns), (other, waits)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    cluster.kill(&other, waits);
    // For as long as it may still be there it is left alone.
    sleep(Duration::from_secs(100)).await;
    assert_eq!(request(store, 1).await.unwrap().worker.conductor, other);
    assert_eq!(ended(store, 1, 0).await.state, BulkState::Done);
    assert_eq!(request(store, 1).await.unwrap().worker.conductor, name);
    deployed_in_order(store, 1, [0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_request_of_a_conductor_that_leaves_is_taken_over_at_once() {
    let cluster = Cluster::new();
    let ((name, _owns), (_, mut waits)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    waits.stop().await.unwrap();
    let start = Instant::now();
    let begun = |item: &BulkItem| item.state != BulkState::Queued;
    until(store, (1, 0), begun).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(request(store, 1).await.unwrap().worker.conductor, name);
    ended(store, 1, 0).await;
    deployed_in_order(store, 1, [0]).await;
}

/// Whatever of the two sees, the other one's commit has been before.
#[tokio::test(start_paused = true)]
async fn two_that_work_one_request_off_begin_each_item_once() {
    let cluster = Cluster::new();
    let members = cluster.start_all(&["one", "two"]).await;
    let store = cluster.lab.store.as_ref();
    for number in 0..6 {
        free(&members["one"].conductor, number).await;
    }
    sleep(Duration::from_secs(30)).await;
    deploy(&members["one"].conductor, 1, 0..6).await;
    // As after a takeover of which the first one does not know.
    let mut taken = request(store, 1).await.unwrap();
    taken.worker = members["two"].conductor.worker();
    store.commit(Transaction::new().put(&taken)).await.unwrap();
    members["two"].conductor.begin_bulk_request(id(1));
    sleep(Duration::from_secs(60)).await;
    // Each of the two has begun with its own nodes at most; what is left waits for its owner.
    for number in 0..6 {
        let (deploys, requests) = begun(store, number).await;
        assert!(deploys.len() <= 1, "node {number}");
        assert_eq!(deploys.len(), requests.len(), "node {number}");
    }
}
