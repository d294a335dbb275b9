//! What a node goes through for a request is followed to its end.

use super::{PATIENCE, ended, item, items, until, work};
use crate::conductor::requests::Maintenance;
use crate::conductor::tests::agent::Plan;
use crate::conductor::tests::lab::Lab;
use ferric_model::bulk::{BulkItem, BulkState, BulkWork};
use ferric_model::ids::RunId;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table};
use std::time::Duration;

/// The machine's own node, asked for with a verb.
async fn ask(lab: &Lab, verb: Verb) -> BulkItem {
    let (conductor, node) = (lab.conductor(), lab.machine.node);
    let (new, all) = items(&conductor, 1, [node], &work(verb));
    conductor.accept_bulk_request(new, all).await.unwrap();
    let has_begun = |item: &BulkItem| item.state != BulkState::Queued;
    until(lab.store.as_ref(), (1, 0), has_begun).await
}

async fn run(lab: &Lab) -> Option<RunId> {
    lab.node().await.run.map(|run| run.id)
}

#[tokio::test(start_paused = true)]
async fn an_item_runs_for_as_long_as_the_run_that_it_began() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    let begun = ask(&lab, Verb::Active).await;
    assert_eq!(
        (begun.state, begun.run),
        (BulkState::Running, run(&lab).await)
    );
    lab.wait_for(ProvisionState::Active).await;
    let done = item(lab.store.as_ref(), 1, 0).await;
    assert_eq!((done.state, done.run), (BulkState::Done, begun.run));
}

#[tokio::test(start_paused = true)]
async fn it_fails_with_its_run_and_says_why() {
    let mut lab = Lab::new();
    lab.plan(Plan {
        failing: Some(("write_image", "the checksum is wrong")),
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    ask(&lab, Verb::Active).await;
    let failed = ended(lab.store.as_ref(), 1, 0).await;
    let refusal = failed.refusal.expect("a reason");
    assert_eq!((failed.state, refusal.status), (BulkState::Failed, None));
    assert!(
        refusal.reason.contains("the checksum is wrong"),
        "{refusal:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_undeploy_is_done_when_the_node_is_clean() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_active().await;
    let begun = ask(&lab, Verb::Undeploy).await;
    assert_eq!(begun.state, BulkState::Running);
    lab.wait_until("cleaning", PATIENCE, |node| {
        node.run.is_none() || node.provision_state == ProvisionState::CleanWait
    })
    .await;
    assert_eq!(
        item(lab.store.as_ref(), 1, 0).await.state,
        BulkState::Running
    );
    lab.wait_for(ProvisionState::Available).await;
    assert_eq!(item(lab.store.as_ref(), 1, 0).await.state, BulkState::Done);
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_run_is_done_at_once() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    let done = ask(&lab, Verb::Manage).await;
    assert_eq!((done.state, done.run), (BulkState::Done, None));
    let state = lab.node().await.provision_state;
    assert_eq!(state, ProvisionState::Manageable);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_deleted_in_the_commit_that_says_so() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    let (conductor, node) = (lab.conductor(), lab.machine.node);
    let (new, all) = items(&conductor, 1, [node, node], &BulkWork::Delete);
    conductor.accept_bulk_request(new, all).await.unwrap();
    let store = lab.store.as_ref();
    assert_eq!(ended(store, 1, 0).await.state, BulkState::Done);
    let again = ended(store, 1, 1).await.refusal.expect("a reason");
    assert_eq!(again.status, Some(404));
    let gone = store.get(&Key::new(Table::Node, node)).await.unwrap();
    assert_eq!(gone, None);
}

#[tokio::test(start_paused = true)]
async fn whoever_deletes_a_node_ends_what_runs_on_it() {
    let mut lab = Lab::new();
    lab.plan(Plan {
        writing: Duration::from_secs(600),
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_available().await;
    ask(&lab, Verb::Active).await;
    lab.wait_until("the agent's work", PATIENCE, |node| {
        node.provision_state == ProvisionState::DeployWait
    })
    .await;
    let (conductor, node) = (lab.conductor(), lab.machine.node);
    let on = Maintenance::On { reason: None };
    conductor.set_maintenance(node, on).await.unwrap();
    conductor.destroy_node(node).await.unwrap();
    let failed = item(lab.store.as_ref(), 1, 0).await;
    let refusal = failed.refusal.expect("a reason");
    assert!(refusal.reason.contains("deleted"), "{refusal:?}");
}
