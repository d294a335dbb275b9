//! What waits for its turn: in order, until it is cancelled, and within bounds.

use super::{
    PATIENCE, begun, closed, deploy, deployed_in_order, edit, ended, fill, free, id, is_busy, item,
    items, lab_with, node, node_id, request, until, work,
};
use crate::conductor::bulk::{Acceptance, Carried};
use crate::conductor::tests::lab::Lab;
use ferric_model::bulk::{BulkItem, BulkRefusal, BulkState, BulkWork, Hidden, Mandate};
use ferric_model::ids::PortId;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{Query, Table};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

#[tokio::test(start_paused = true)]
async fn what_there_is_no_room_for_is_begun_later_in_its_order() {
    let lab = lab_with(4).await;
    deploy(&lab.conductor(), 1, 0..4).await;
    let store = lab.store.as_ref();
    for number in 0..4 {
        let item = ended(store, 1, number).await;
        assert_eq!((item.state, item.work), (BulkState::Done, None));
    }
    deployed_in_order(store, 1, 0..4).await;
    closed(store, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_waits_for_its_turn_says_so() {
    let lab = lab_with(1).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    fill(store, ProvisionState::DeployWait).await;
    deploy(&conductor, 1, [0]).await;
    let explained = conductor.explain(node_id(0)).await.unwrap();
    let wait = explained.waits_for.unwrap();
    assert_eq!((wait.kind, wait.until), ("bulk_queue", None));
    let request = format!("bulk request {} (active)", id(1));
    assert!(explained.text.contains(&request), "{}", explained.text);
    assert!(wait.text.contains("max_concurrent_deploy"), "{}", wait.text);
    assert!(explained.next[0].text.starts_with("Wait"));
    fill(store, ProvisionState::Active).await;
    ended(store, 1, 0).await;
    let explained = conductor.explain(node_id(0)).await.unwrap();
    assert!(explained.waits_for.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_later_request_does_not_overtake_one_that_waits() {
    let lab = lab_with(4).await;
    let store = lab.store.as_ref();
    fill(store, ProvisionState::DeployWait).await;
    deploy(&lab.conductor(), 1, [0, 1]).await;
    sleep(Duration::from_secs(1)).await;
    deploy(&lab.conductor(), 2, [2, 3]).await;
    sleep(Duration::from_secs(30)).await;
    fill(store, ProvisionState::Active).await;
    for (request, number) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        assert_eq!(ended(store, request, number).await.state, BulkState::Done);
    }
    let mut firsts = Vec::new();
    for number in 0..4 {
        firsts.push(begun(store, number).await.0[0]);
    }
    assert!(firsts.is_sorted(), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_not_begun_can_be_cancelled() {
    let lab = lab_with(3).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    deploy(&conductor, 1, [0]).await;
    let running = |item: &BulkItem| item.state != BulkState::Queued;
    until(store, (1, 0), running).await;
    fill(store, ProvisionState::DeployWait).await;
    ended(store, 1, 0).await;
    deploy(&conductor, 2, [1, 2]).await;
    assert_eq!(conductor.cancel_bulk_request(id(2)).await.unwrap(), 2);
    assert_eq!(conductor.cancel_bulk_request(id(2)).await.unwrap(), 0);
    assert_eq!(conductor.cancel_bulk_request(id(1)).await.unwrap(), 0);
    closed(store, 2).await;
    fill(store, ProvisionState::Active).await;
    sleep(Duration::from_secs(60)).await;
    for number in 0..2 {
        let item = item(store, 2, number).await;
        assert_eq!((item.state, item.work), (BulkState::Cancelled, None));
    }
    assert_eq!(begun(store, 1).await.0, [0; 0], "it was cancelled");
    assert_eq!(item(store, 1, 0).await.state, BulkState::Done);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_handed_out_twice_is_begun_once() {
    let lab = lab_with(1).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    fill(store, ProvisionState::DeployWait).await;
    deploy(&conductor, 1, [0]).await;
    sleep(Duration::from_secs(5)).await;
    let (node, item) = (node_id(0), BulkItem::id_of(id(1), 0));
    let refused = conductor.do_carry_out(node, &item).await.unwrap();
    assert_eq!(refused, Carried::NoRoom);
    fill(store, ProvisionState::Active).await;
    let carry = || conductor.do_carry_out(node, &item);
    let outcomes = tokio::join!(carry(), carry(), carry());
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert!(
            matches!(outcome, Ok(Carried::Over | Carried::Held)),
            "{outcome:?}"
        );
    }
    ended(store, 1, 0).await;
    deployed_in_order(store, 1, [0]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_stored_once_and_not_beyond_the_bound() {
    let mut lab = Lab::new();
    lab.configure(|settings| {
        settings.conductor.max_concurrent_deploy = 0;
        settings.conductor.bulk_max_queued = 2;
    });
    lab.start(None).await;
    let conductor = lab.conductor();
    for number in 0..3 {
        free(&conductor, number).await;
    }
    deploy(&conductor, 1, [0, 1]).await;
    let (again, same) = items(&conductor, 1, [node_id(2)], &work(Verb::Active));
    let known = conductor.accept_bulk_request(again, same).await;
    assert_eq!(known.unwrap(), Acceptance::Known);
    let (new, more) = items(&conductor, 2, [node_id(2)], &work(Verb::Active));
    let full = conductor.accept_bulk_request(new, more).await;
    assert!(is_busy(&full), "{full:?}");
    assert_eq!(request(lab.store.as_ref(), 2).await, None);
    conductor.cancel_bulk_request(id(1)).await.unwrap();
    deploy(&conductor, 2, [2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_went_to_another_project_meanwhile_is_not_touched() {
    let lab = lab_with(2).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    fill(store, ProvisionState::DeployWait).await;
    for number in 0..2 {
        edit(store, node_id(number), |node| {
            node.owner = Some("ours".to_owned())
        })
        .await;
    }
    let nodes = [node_id(0), node_id(1)];
    let (new, mut all) = items(&conductor, 1, nodes, &work(Verb::Active));
    for item in &mut all {
        item.mandate = Mandate::OfProject {
            project: "ours".to_owned(),
            as_owner: true,
            as_lessee: false,
        };
    }
    conductor.accept_bulk_request(new, all).await.unwrap();
    edit(store, node_id(0), |node| {
        node.owner = Some("theirs".to_owned())
    })
    .await;
    fill(store, ProvisionState::Active).await;
    let lost = ended(store, 1, 0).await;
    let refusal = lost.refusal.expect("a reason");
    assert_eq!((lost.state, refusal.status), (BulkState::Failed, Some(404)));
    assert_eq!(begun(store, 0).await.0, [0; 0]);
    assert_eq!(ended(store, 1, 1).await.state, BulkState::Done);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_any_more_fails_with_its_cause_and_holds_up_nobody() {
    let lab = lab_with(2).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    fill(store, ProvisionState::DeployWait).await;
    deploy(&conductor, 1, [0, 1]).await;
    edit(store, node_id(0), |node| node.maintenance = true).await;
    fill(store, ProvisionState::Active).await;
    let refused = ended(store, 1, 0).await;
    let BulkRefusal { status, reason } = refused.refusal.expect("a reason");
    assert_eq!(status, Some(400));
    assert!(reason.contains("maintenance"), "{reason}");
    assert_eq!(ended(store, 1, 1).await.state, BulkState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_somebody_works_on_is_waited_for_and_holds_up_nobody() {
    let lab = lab_with(2).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    let lock = conductor.locks().wait(node_id(0), "a test").await;
    deploy(&conductor, 1, [0, 1]).await;
    assert_eq!(ended(store, 1, 1).await.state, BulkState::Done);
    assert_eq!(item(store, 1, 0).await.state, BulkState::Queued);
    drop(lock);
    assert_eq!(ended(store, 1, 0).await.state, BulkState::Done);
}

#[tokio::test(start_paused = true)]
async fn the_config_drive_of_all_reaches_each_node() {
    let lab = lab_with(1).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    let BulkWork::Provision {
        verb,
        request: asked,
        ..
    } = work(Verb::Active)
    else {
        panic!("it is a verb")
    };
    let common = BulkWork::Provision {
        verb,
        request: asked,
        common_configdrive: true,
    };
    let (mut new, all) = items(&conductor, 1, [node_id(0)], &common);
    new.configdrive = Some(Hidden(json!({"user_data": "hello"})));
    conductor.accept_bulk_request(new, all).await.unwrap();
    assert_eq!(ended(store, 1, 0).await.state, BulkState::Done);
    let node = node(store, node_id(0)).await;
    assert_eq!(node.instance_info["configdrive"]["user_data"], "hello");
    closed(store, 1).await;
    assert_eq!(request(store, 1).await.unwrap().configdrive, None);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_enrolled_with_its_ports_or_not_at_all() {
    let lab = lab_with(0).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    let enrol = |number: u128, address: &str| {
        let (node, at) = (node_id(number), conductor.now());
        let port = PortId(Uuid::from_u128(500 + number));
        BulkWork::Enrol {
            node: Box::new(Node::new(node, "fake-hardware", at)),
            ports: vec![Port::new(port, address.parse().unwrap(), node, at)],
        }
    };
    let address = "52:54:00:00:00:01";
    let nodes = [node_id(0), node_id(1)];
    let (new, mut all) = items(&conductor, 1, nodes, &enrol(0, address));
    all[1].work = Some(enrol(1, address));
    conductor.accept_bulk_request(new, all).await.unwrap();
    let outcomes = [ended(store, 1, 0).await, ended(store, 1, 1).await];
    let done = outcomes.iter().filter(|item| item.state == BulkState::Done);
    assert_eq!(done.count(), 1, "{outcomes:?}");
    let refused = outcomes.iter().find_map(|item| item.refusal.as_ref());
    assert_eq!(refused.unwrap().status, Some(409));
    for table in [Table::Node, Table::Port] {
        let found = store.page(&Query::all(table)).await.unwrap().records;
        assert_eq!(found.len(), 1, "{table:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_requests_are_forgotten_and_open_ones_are_not() {
    let mut lab = lab_with(4).await;
    lab.stop().await;
    lab.configure(|settings| settings.conductor.bulk_max_requests = 1);
    lab.start(None).await;
    let (store, conductor) = (lab.store.as_ref(), lab.conductor());
    for number in 0..3 {
        deploy(&conductor, number, [number]).await;
        ended(store, number, 0).await;
        closed(store, number).await;
    }
    fill(store, ProvisionState::DeployWait).await;
    deploy(&conductor, 3, [3]).await;
    let start = Instant::now();
    while request(store, 1).await.is_some() {
        assert!(start.elapsed() < PATIENCE, "it is not forgotten");
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(request(store, 0).await, None);
    let kept = request(store, 2).await.expect("the newest one");
    assert!(!kept.open);
    assert!(request(store, 3).await.expect("an open one").open);
    let left = store.page(&Query::all(Table::BulkItem)).await.unwrap();
    assert_eq!(left.records.len(), 2, "items go with their requests");
}
