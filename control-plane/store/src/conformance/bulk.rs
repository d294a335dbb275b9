//! Items of bulk requests: by request and state, in the order of their numbers, while some of them change on the way.

use super::{committed, page, stored};
use crate::{Entity, Expectation, FieldValue, Query, Room, Store, StoreError, Table, Transaction};
use ferric_model::bulk::{BulkItem, BulkState, BulkWork, Mandate};
use ferric_model::ids::BulkRequestId;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

fn item(request: u128, number: u32) -> BulkItem {
    BulkItem {
        request: BulkRequestId(Uuid::from_u128(request)),
        number,
        named: json!("a"),
        node: None,
        state: BulkState::Queued,
        refusal: None,
        work: Some(BulkWork::Delete),
        mandate: Mandate::Anything,
        run: None,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn queued() -> (&'static str, Vec<FieldValue>) {
    ("state", vec![FieldValue::Text("queued".to_owned())])
}

fn query(request: u128, limit: usize) -> Query {
    let request = Uuid::from_u128(request).to_string();
    let (state, queued) = queued();
    Query {
        sort: Some("number".to_owned()),
        limit,
        ..Query::all(Table::BulkItem)
            .filter("request", vec![FieldValue::Text(request)])
            .filter(state, queued)
    }
}

async fn numbers(store: &dyn Store, query: &Query) -> Vec<u32> {
    let records = page(store, query).await.records;
    let items = records.iter().map(|record| record.decode::<BulkItem>());
    let items = items.map(|item| item.expect("it is an item").number);
    items.collect()
}

pub(super) async fn items_are_found_in_their_order(store: &dyn Store) {
    // Ten and more, which a text would sort before two.
    let all = (0..12).rev().map(|number| item(1, number));
    let all = all.chain([item(2, 0)]);
    let new = all.fold(Transaction::new(), |new, item| new.put(&item));
    committed(store, new).await;
    assert_eq!(numbers(store, &query(1, 4)).await, [0, 1, 2, 3]);
    let third = item(1, 3);
    let revision = stored(store, &third).await.revision;
    let begin = |third: BulkItem| {
        let running = third.with_state(BulkState::Running, Timestamp::UNIX_EPOCH);
        Transaction::new()
            .expect(Expectation::Revision(running.key(), revision))
            .put(&running)
    };
    committed(store, begin(third.clone())).await;
    let again = store.commit(begin(third.clone())).await;
    assert!(matches!(again, Err(StoreError::Stale { .. })), "{again:?}");
    // What has changed since still says where to go on.
    let next = Query {
        marker: Some(third.id()),
        ..query(1, 100)
    };
    assert_eq!(numbers(store, &next).await, [4, 5, 6, 7, 8, 9, 10, 11]);
    for (room, found) in [
        (FieldValue::Null, 11),
        (FieldValue::Text("clean".to_owned()), 0),
    ] {
        let query = query(1, 100).filter("room", vec![room]);
        assert_eq!(numbers(store, &query).await.len(), found);
    }
    let room = |limit| {
        let filters = vec![queued()];
        let table = Table::BulkItem;
        let room = Expectation::Room(Room {
            table,
            filters,
            limit,
        });
        Transaction::new().expect(room).put(&item(3, 0))
    };
    let full = store.commit(room(12)).await;
    assert!(matches!(full, Err(StoreError::NoRoom { .. })), "{full:?}");
    committed(store, room(13)).await;
}
