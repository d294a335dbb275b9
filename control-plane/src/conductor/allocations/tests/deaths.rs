//! Conductors that die in the middle of an allocation: they go on with it when they come back, others when they do not.

use super::{asked, asking, ended, found, free, id, is_paired, node, node_id};
use crate::conductor::allocations::{Claim, Claimed};
use crate::conductor::tests::cluster_lab::{Cluster, Member};
use crate::conductor::tests::halting_store::Death;
use crate::conductor::tests::lab::Lab;
use ferric_model::allocation::AllocationState;
use ferric_model::event::What;
use ferric_model::ids::Incarnation;
use ferric_store::{EventFilter, Transaction};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// How often the node was given away.
async fn reservations(lab: &Lab) -> usize {
    let filter = EventFilter {
        node: Some(node_id(1)),
        ..EventFilter::default()
    };
    let events = lab.store.events(&filter).await.unwrap();
    let reserved = |what: &What| matches!(what, What::Note { text } if text.contains("reserved"));
    events
        .iter()
        .filter(|event| reserved(&event.event.what))
        .count()
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_goes_on_from_wherever_it_died() {
    let mut died = 0;
    for death in [Death::Before, Death::After] {
        for commit in 0..4 {
            let mut lab = Lab::new();
            let store = lab.start(None).await;
            let conductor = lab.conductor();
            free(&conductor, 1).await;
            store.doom((commit, death));
            let allocation = asking(&conductor, 1, |_| ());
            let made = timeout(
                Duration::from_secs(1),
                conductor.create_allocation(allocation),
            );
            // Whether the client was answered depends on where it died.
            drop(made.await);
            let end = timeout(Duration::from_secs(8), store.died.notified()).await;
            died += usize::from(end.is_ok());
            lab.kill();
            lab.start(None).await;
            if found(lab.store.as_ref(), id(1)).await.is_none() {
                assert_eq!((commit, death), (0, Death::Before), "it was stored");
                asked(&lab.conductor(), 1).await;
            }
            let allocation = ended(lab.store.as_ref(), id(1)).await;
            is_paired(lab.store.as_ref(), &allocation).await;
            assert_eq!(reservations(&lab).await, 1, "commit {commit}, {death:?}");
        }
    }
    assert!(died >= 4, "it died {died} times only");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_node_is_gone_on_with_by_the_next_incarnation() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    let held = free(&conductor, 1).await;
    let _lock = conductor.locks().wait(held, "a test").await;
    asked(&conductor, 1).await;
    sleep(Duration::from_millis(500)).await;
    lab.kill();
    let before = found(lab.store.as_ref(), id(1)).await.unwrap();
    assert_eq!(before.state, AllocationState::Allocating);
    lab.start(None).await;
    let after = ended(lab.store.as_ref(), id(1)).await;
    is_paired(lab.store.as_ref(), &after).await;
    assert_eq!(after.worker.conductor, before.worker.conductor);
    assert_ne!(after.worker.incarnation, before.worker.incarnation);
}

#[tokio::test(start_paused = true)]
async fn one_whose_work_broke_off_is_taken_up_again() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    let conductor = lab.conductor();
    let held = free(&conductor, 1).await;
    let lock = conductor.locks().wait(held, "a test").await;
    asked(&conductor, 1).await;
    // The disk is full: it can neither be given a node nor be given up.
    store.refuse(true);
    sleep(Duration::from_secs(8)).await;
    assert!(!conductor.is_allocating(id(1)), "it has broken off");
    drop(lock);
    store.refuse(false);
    is_paired(lab.store.as_ref(), &ended(lab.store.as_ref(), id(1)).await).await;
}

pub(super) type Named = (String, Member);

/// Two conductors and a free node. One of them has it; the other one, which cannot reach it, is asked for an allocation and
/// waits. Answers who has the node, and who waits.
pub(super) async fn waiting(cluster: &Cluster) -> (Named, Named) {
    let mut members = cluster.start_all(&["one", "two"]).await;
    let store = cluster.lab.store.as_ref();
    free(&members["one"].conductor, 1).await;
    // Until it is where the ring has it.
    sleep(Duration::from_secs(30)).await;
    let owner = node(store, node_id(1)).await.ownership.expect("an owner");
    let other = if owner.conductor == "one" {
        "two"
    } else {
        "one"
    };
    let member = members.remove(other).expect("a member");
    asked(&member.conductor, 1).await;
    sleep(Duration::from_secs(20)).await;
    let waiting = found(store, id(1)).await.unwrap();
    assert_eq!(waiting.state, AllocationState::Allocating);
    assert_eq!(waiting.worker.conductor, other);
    let owner = members.pop_first().expect("the other member");
    (owner, (other.to_owned(), member))
}

#[tokio::test(start_paused = true)]
async fn one_of_a_conductor_that_is_gone_is_taken_over() {
    let cluster = Cluster::new();
    let (owner, (name, other)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    cluster.kill(&name, other);
    // For as long as it may still be there it is left alone.
    sleep(Duration::from_secs(100)).await;
    let left = found(store, id(1)).await.unwrap();
    assert_eq!(left.worker.conductor, name);
    let allocation = ended(store, id(1)).await;
    is_paired(store, &allocation).await;
    assert_eq!(allocation.worker.conductor, owner.0);
}

#[tokio::test(start_paused = true)]
async fn one_of_a_conductor_that_leaves_is_taken_over_at_once() {
    let cluster = Cluster::new();
    let (owner, (_, mut other)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    other.stop().await.unwrap();
    let start = Instant::now();
    let allocation = ended(store, id(1)).await;
    is_paired(store, &allocation).await;
    assert_eq!(allocation.worker.conductor, owner.0);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_lost_its_allocation_does_nothing_more() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    free(&conductor, 1).await;
    let store = lab.store.as_ref();
    let mut taken = asking(&conductor, 1, |_| ());
    taken.worker.incarnation = Incarnation(Uuid::from_u128(3));
    store.commit(Transaction::new().put(&taken)).await.unwrap();
    let claim = Claim {
        allocation: id(1),
        by: conductor.incarnation(),
    };
    let claimed = conductor.do_allocate(node_id(1), claim).await.unwrap();
    assert_eq!(claimed, Claimed::Withdrawn);
    assert_eq!(node(store, node_id(1)).await.instance_uuid, None);
    // Once more for whoever has it, and then it is done.
    drop(conductor.locks().wait(node_id(1), "a test").await);
    let by = taken.worker.incarnation;
    let claim = Claim { by, ..claim };
    let claimed = conductor.do_allocate(node_id(1), claim).await.unwrap();
    assert_eq!(claimed, Claimed::Done);
    drop(conductor.locks().wait(node_id(1), "a test").await);
    let again = conductor.do_allocate(node_id(1), claim).await.unwrap();
    assert_eq!(again, Claimed::Withdrawn);
    is_paired(store, &found(store, id(1)).await.unwrap()).await;
}
