//! The conductor dies at each of its commits in turn: what was accepted is carried out by the next one, once.

use super::{
    begun, closed, deploy, deployed_in_order, ended, fill, free, id, item, items, lab_with,
    node_id, request, work,
};
use crate::conductor::tests::halting_store::Death;
use crate::conductor::tests::lab::Lab;
use ferric_model::bulk::BulkState;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// More than the acceptance, the beginnings and both deploys have.
const COMMITS: usize = 30;

async fn survives(death: Death) {
    let mut died = 0;
    for commit in 0..COMMITS {
        let mut lab = Lab::new();
        lab.configure(|settings| settings.conductor.max_concurrent_deploy = 1);
        let store = lab.start(None).await;
        let conductor = lab.conductor();
        for number in 0..2 {
            free(&conductor, number).await;
        }
        store.doom((commit, death));
        let nodes = [node_id(0), node_id(1)];
        let (new, all) = items(&conductor, 1, nodes, &work(Verb::Active));
        // Whether the client was answered depends on where it died.
        let limit = Duration::from_secs(1);
        let answered = timeout(limit, conductor.accept_bulk_request(new, all)).await;
        let end = timeout(Duration::from_secs(600), store.died.notified()).await;
        died += usize::from(end.is_ok());
        lab.kill();
        lab.start(None).await;
        let context = format!("commit {commit}, {death:?}");
        if request(lab.store.as_ref(), 1).await.is_none() {
            assert!(answered.is_err(), "{context}: it was answered");
            assert_eq!((commit, death), (0, Death::Before), "it was stored");
            deploy(&lab.conductor(), 1, [0, 1]).await;
        }
        for number in 0..2 {
            let item = ended(lab.store.as_ref(), 1, number).await;
            assert_eq!(item.state, BulkState::Done, "{context}: {item:?}");
        }
        deployed_in_order(lab.store.as_ref(), 1, [0, 1]).await;
        closed(lab.store.as_ref(), 1).await;
    }
    assert!(died > COMMITS / 2, "it died {died} times only");
}

#[tokio::test(start_paused = true)]
async fn a_request_survives_the_loss_of_each_commit() {
    survives(Death::Before).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_survives_death_after_each_commit() {
    survives(Death::After).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_begun_by_the_next_incarnation() {
    let mut lab = lab_with(2).await;
    fill(lab.store.as_ref(), ProvisionState::DeployWait).await;
    deploy(&lab.conductor(), 1, [0, 1]).await;
    sleep(Duration::from_secs(5)).await;
    let before = request(lab.store.as_ref(), 1).await.unwrap().worker;
    lab.stop().await;
    assert_eq!(
        item(lab.store.as_ref(), 1, 0).await.state,
        BulkState::Queued
    );
    fill(lab.store.as_ref(), ProvisionState::Active).await;
    lab.start(None).await;
    for number in 0..2 {
        let item = ended(lab.store.as_ref(), 1, number).await;
        assert_eq!(item.state, BulkState::Done);
    }
    deployed_in_order(lab.store.as_ref(), 1, [0, 1]).await;
    let after = request(lab.store.as_ref(), 1).await.unwrap().worker;
    assert_eq!(after.conductor, before.conductor);
    assert_ne!(after.incarnation, before.incarnation);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_for_a_while_loses_nothing() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    let conductor = lab.conductor();
    free(&conductor, 0).await;
    let lock = conductor.locks().wait(node_id(0), "a test").await;
    deploy(&conductor, 1, [0]).await;
    // The disk is full, and is not any more.
    store.refuse(true);
    drop(lock);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(
        item(lab.store.as_ref(), 1, 0).await.state,
        BulkState::Queued
    );
    store.refuse(false);
    assert_eq!(ended(lab.store.as_ref(), 1, 0).await.state, BulkState::Done);
    let (deploys, _) = begun(lab.store.as_ref(), 0).await;
    assert_eq!(deploys.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelling_survives_the_loss_of_its_commit() {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.max_concurrent_deploy = 0);
    let store = lab.start(None).await;
    let conductor = lab.conductor();
    free(&conductor, 0).await;
    deploy(&conductor, 1, [0]).await;
    store.doom((0, Death::Before));
    let limit = Duration::from_secs(1);
    let answered = timeout(limit, conductor.cancel_bulk_request(id(1))).await;
    assert!(answered.is_err(), "it was answered");
    lab.kill();
    lab.start(None).await;
    assert_eq!(
        item(lab.store.as_ref(), 1, 0).await.state,
        BulkState::Queued
    );
    let cancelled = lab.conductor().cancel_bulk_request(id(1)).await;
    assert_eq!(cancelled.unwrap(), 1);
    closed(lab.store.as_ref(), 1).await;
}
