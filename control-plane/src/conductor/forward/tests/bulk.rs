//! Items of bulk requests on their way to the owner of their node: begun there, and once, whatever becomes of the answers.

use super::fixture::{Cell, NODE, Running, Way};
use super::until;
use crate::conductor::requests::ProvisionRequest;
use crate::conductor::{Conductor, Peer, PeerError, Peers};
use async_trait::async_trait;
use ferric_model::bulk::{BulkAction, BulkItem, BulkState, BulkWork, Hidden, Mandate};
use ferric_model::event::What;
use ferric_model::ids::BulkRequestId;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{EventFilter, Key, Table};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

const ID: BulkRequestId = BulkRequestId(Uuid::from_u128(70));

async fn ask(asked: &Running) {
    let conductor = &asked.conductor;
    let verb = Verb::Manage;
    let request = serde_json::to_value(ProvisionRequest::new(verb)).unwrap();
    let item = BulkItem {
        request: ID,
        number: 0,
        named: json!("a"),
        node: Some(NODE),
        state: BulkState::Queued,
        refusal: None,
        work: Some(BulkWork::Provision {
            verb,
            request: Hidden(request),
            common_configdrive: false,
        }),
        mandate: Mandate::Anything,
        run: None,
        updated_at: conductor.now(),
    };
    let new = conductor.new_bulk_request(Some(ID), BulkAction::Provision);
    let stored = conductor.accept_bulk_request(new, vec![item]).await;
    stored.unwrap();
}

async fn has_begun(cell: &Cell) {
    let key = Key::new(Table::BulkItem, BulkItem::id_of(ID, 0));
    until("the item's beginning", async || {
        let record = cell.store.get(&key).await.unwrap();
        let item: BulkItem = record.expect("the item").decode().unwrap();
        item.state != BulkState::Queued
    })
    .await;
}

/// Who has begun with the item, each time that was.
async fn beginners(cell: &Cell) -> Vec<String> {
    let filter = EventFilter {
        node: Some(NODE),
        ..EventFilter::default()
    };
    let events = cell.store.events(&filter).await.unwrap().into_iter();
    let begins = |what: &What| {
        let verifying = ProvisionState::Verifying;
        matches!(what, What::StateChanged { to, .. } if *to == verifying)
    };
    let begun = events.filter(|stored| begins(&stored.event.what));
    let begun = begun.inspect(|stored| assert_eq!(stored.event.bulk, Some(ID)));
    begun.map(|stored| stored.event.conductor).collect()
}

#[tokio::test]
async fn an_item_is_begun_by_the_owner_of_its_node() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    ask(&two).await;
    has_begun(&cell).await;
    let limit = Duration::from_secs(30);
    let settled = two.conductor.bulk_request_settles(ID, limit).await;
    settled.unwrap();
    assert_eq!(beginners(&cell).await, ["one"]);
}

/// Everything arrives, and no answer comes back.
#[derive(Default)]
struct Lossy {
    owner: Mutex<Option<Conductor>>,
    calls: AtomicUsize,
}

#[async_trait]
impl Peers for Lossy {
    async fn call(
        &self,
        _peer: &Peer,
        call: Vec<u8>,
        _limit: Duration,
    ) -> Result<Vec<u8>, PeerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let owner = self.owner.lock().clone().expect("an owner");
        // Twice, as no conductor does: the second one finds that it has begun.
        for _ in 0..2 {
            owner.take_call(&call).await;
        }
        Err(PeerError::Unanswered("the answer is lost".into()))
    }
}

#[tokio::test]
async fn one_whose_answer_is_lost_is_begun_once() {
    let cell = Cell::new();
    let lossy = Arc::new(Lossy::default());
    let asked = Way {
        peers: Some(lossy.clone()),
        ..Way::default()
    };
    let (one, two) = cell.pair_of(Way::default(), asked).await;
    *lossy.owner.lock() = Some(one.conductor.clone());
    ask(&two).await;
    has_begun(&cell).await;
    let limit = Duration::from_secs(30);
    let settled = two.conductor.bulk_request_settles(ID, limit).await;
    settled.unwrap();
    assert_eq!(beginners(&cell).await, ["one"]);
    assert_eq!(lossy.calls.load(Ordering::SeqCst), 1);
}
