//! Bulk requests under one conductor, under several, and over the death of each; the clock is paused.

mod deaths;
mod owners;
mod queue;
mod runs;

use super::Acceptance;
use crate::conductor::Conductor;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use crate::conductor::tests::lab::Lab;
use ferric_model::bulk::{BulkAction, BulkItem, BulkRequest, BulkState, BulkWork, Hidden, Mandate};
use ferric_model::event::What;
use ferric_model::ids::{BulkRequestId, NodeId};
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{EventFilter, Key, Record, Store, Table, Transaction};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Longer than it takes until a dead conductor's work is taken over.
const PATIENCE: Duration = Duration::from_secs(900);
/// A node that takes up room and is nobody's business.
const FILLER: u128 = 99;

fn node_id(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(100 + number))
}

fn id(number: u128) -> BulkRequestId {
    BulkRequestId(Uuid::from_u128(1000 + number))
}

/// A node that may be deployed at once.
async fn free(conductor: &Conductor, number: u128) -> NodeId {
    let mut node = Node::new(node_id(number), "fake-hardware", conductor.now());
    node.interfaces
        .insert("network".to_owned(), "noop".to_owned());
    node.instance_info
        .insert("image_source".to_owned(), json!("http://images/os.raw"));
    node.provision_state = ProvisionState::Available;
    conductor.create_node(node).await.unwrap().uuid
}

/// Some of these, under a conductor that may deploy one node at a time.
async fn lab_with(nodes: u128) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| settings.conductor.max_concurrent_deploy = 1);
    lab.start(None).await;
    for number in 0..nodes {
        free(&lab.conductor(), number).await;
    }
    lab
}

fn work(verb: Verb) -> BulkWork {
    let request = serde_json::to_value(ProvisionRequest::new(verb)).unwrap();
    BulkWork::Provision {
        verb,
        request: Hidden(request),
        common_configdrive: false,
    }
}

/// An item for each of these nodes.
fn items(
    conductor: &Conductor,
    request: u128,
    nodes: impl IntoIterator<Item = NodeId>,
    work: &BulkWork,
) -> (BulkRequest, Vec<BulkItem>) {
    let items = (0..).zip(nodes).map(|(number, node)| BulkItem {
        request: id(request),
        number,
        named: json!(node),
        node: Some(node),
        state: BulkState::Queued,
        refusal: None,
        work: Some(work.clone()),
        mandate: Mandate::Anything,
        run: None,
        updated_at: conductor.now(),
    });
    let made = conductor.new_bulk_request(Some(id(request)), BulkAction::Provision);
    (made, items.collect())
}

/// Asks for deploys of these nodes.
async fn deploy(conductor: &Conductor, request: u128, nodes: impl IntoIterator<Item = u128>) {
    let nodes = nodes.into_iter().map(node_id);
    let (new, items) = items(conductor, request, nodes, &work(Verb::Active));
    let stored = conductor.accept_bulk_request(new, items).await.unwrap();
    assert_eq!(stored, Acceptance::Stored);
}

async fn record(store: &dyn Store, request: u128, number: u32) -> Record {
    let key = Key::new(Table::BulkItem, BulkItem::id_of(id(request), number));
    store.get(&key).await.unwrap().expect("the item")
}

async fn item(store: &dyn Store, request: u128, number: u32) -> BulkItem {
    record(store, request, number).await.decode().unwrap()
}

async fn request(store: &dyn Store, number: u128) -> Option<BulkRequest> {
    let key = Key::new(Table::BulkRequest, id(number));
    let record = store.get(&key).await.unwrap();
    record.map(|record| record.decode().unwrap())
}

/// The item as soon as it is so.
async fn until(
    store: &dyn Store,
    (request, number): (u128, u32),
    is_so: impl Fn(&BulkItem) -> bool,
) -> BulkItem {
    let start = Instant::now();
    loop {
        let item = item(store, request, number).await;
        if is_so(&item) {
            return item;
        }
        assert!(start.elapsed() < PATIENCE, "it stays {item:?}");
        sleep(Duration::from_millis(250)).await;
    }
}

/// The item at its end.
async fn ended(store: &dyn Store, request: u128, number: u32) -> BulkItem {
    let is_over = |item: &BulkItem| !matches!(item.state, BulkState::Queued | BulkState::Running);
    until(store, (request, number), is_over).await
}

/// Waits until nobody works the request off any more.
async fn closed(store: &dyn Store, number: u128) {
    let start = Instant::now();
    while request(store, number)
        .await
        .is_some_and(|request| request.open)
    {
        assert!(start.elapsed() < PATIENCE, "request {number} stays open");
        sleep(Duration::from_millis(250)).await;
    }
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

/// Takes the only place there is, or gives it back.
async fn fill(store: &dyn Store, state: ProvisionState) {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let mut node = Node::new(node_id(FILLER), "fake-hardware", at);
    node.provision_state = state;
    store.commit(Transaction::new().put(&node)).await.unwrap();
}

/// The numbers of the events with which deploys of a node began, and the requests that those name.
async fn begun(store: &dyn Store, number: u128) -> (Vec<u64>, Vec<Option<BulkRequestId>>) {
    let filter = EventFilter {
        node: Some(node_id(number)),
        ..EventFilter::default()
    };
    let events = store.events(&filter).await.unwrap().into_iter();
    let begins = |what: &What| {
        let (from, to) = (ProvisionState::Available, ProvisionState::Deploying);
        matches!(what, What::StateChanged { from: was, to: is, .. } if (*was, *is) == (from, to))
    };
    let begun = events.filter(|stored| begins(&stored.event.what));
    begun
        .map(|stored| (stored.sequence, stored.event.bulk))
        .unzip()
}

/// That each of these nodes was deployed once, in this order, for this request.
async fn deployed_in_order(store: &dyn Store, asked: u128, nodes: impl IntoIterator<Item = u128>) {
    let mut last = 0;
    for number in nodes {
        let (deploys, requests) = begun(store, number).await;
        assert_eq!(deploys.len(), 1, "node {number}");
        assert_eq!(requests, [Some(id(asked))], "node {number}");
        assert!(deploys[0] > last, "node {number} was begun before its turn");
        last = deploys[0];
        let state = node(store, node_id(number)).await.provision_state;
        assert_eq!(state, ProvisionState::Active, "node {number}");
    }
}

fn is_busy<T: std::fmt::Debug>(outcome: &Result<T, RequestError>) -> bool {
    matches!(outcome, Err(RequestError::Busy { .. }))
}
