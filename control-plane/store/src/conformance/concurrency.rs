//! Many at once, in one process or in several: no write is lost, and who follows the events misses none.

use super::node;
use crate::{
    Entity, EventFilter, Expectation, FieldValue, Room, Store, StoreError, StoredEvent, Table,
    Transaction,
};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::node::Node;
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use tokio::task::yield_now;
use uuid::Uuid;

const WRITERS: u8 = 8;
const ROUNDS: u16 = 12;

fn event(writer: u8, round: u16) -> TimelineEvent {
    TimelineEvent {
        id: Uuid::from_u128(u128::from(writer) << 32 | u128::from(round)),
        node: node(1).uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: format!("c{writer}"),
        run: None,
        bulk: None,
        what: What::Enrolled,
    }
}

/// Adds one to a number in a document, whatever the others do meanwhile.
async fn count(store: &dyn Store, event: TimelineEvent) {
    loop {
        let record = store.get(&node(1).key()).await.expect("reading works");
        let record = record.expect("the node is there");
        let mut node: Node = record.decode().expect("it is a node");
        node.power_sync_failures += 1;
        let transaction = Transaction::new()
            .expect(Expectation::Revision(record.key, record.revision))
            .put(&node)
            .event(event.clone());
        match store.commit(transaction).await {
            Ok(_) => return,
            Err(StoreError::Stale { .. }) => yield_now().await,
            Err(error) => panic!("only somebody else's write may be in the way, not {error:?}"),
        }
    }
}

/// Each store is one process with the same database.
pub(super) async fn writers_lose_nothing(stores: &[&dyn Store]) {
    let first = stores[0].commit(Transaction::new().put(&node(1))).await;
    let first = first.expect("nothing is in the way");
    let writers = (0..WRITERS).map(|writer| async move {
        let store = stores[usize::from(writer) % stores.len()];
        for round in 0..ROUNDS {
            count(store, event(writer, round)).await;
        }
    });
    join_all(writers).await;
    let written = u32::from(WRITERS) * u32::from(ROUNDS);
    for store in stores {
        let record = store.get(&node(1).key()).await.expect("reading works");
        let record = record.expect("the node is there");
        assert_eq!(record.revision.0, first.0 + u64::from(written));
        let node: Node = record.decode().expect("it is a node");
        assert_eq!(node.power_sync_failures, written);
        let events = store.events(&EventFilter::default()).await;
        let events = events.expect("reading works");
        let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let expected: Vec<u64> = (1..=u64::from(written)).collect();
        assert_eq!(numbers, expected, "no number is left out or given twice");
    }
}

/// Reads what is new until it has seen as many events as there will be.
async fn follow(store: &dyn Store, wanted: usize) -> Vec<StoredEvent> {
    let mut seen: Vec<StoredEvent> = Vec::new();
    while seen.len() < wanted {
        let after = seen.last().map_or(0, |event| event.sequence);
        let filter = EventFilter {
            after,
            ..EventFilter::default()
        };
        seen.extend(store.events(&filter).await.expect("reading works"));
        yield_now().await;
    }
    seen
}

pub(super) async fn followers_miss_no_event(stores: &[&dyn Store]) {
    let wanted = usize::from(WRITERS) * usize::from(ROUNDS);
    let writers = (0..WRITERS).map(|writer| async move {
        let store = stores[usize::from(writer) % stores.len()];
        for round in 0..ROUNDS {
            // Different records: only the order of events is what they share.
            let transaction = Transaction::new()
                .put(&node(writer))
                .event(event(writer, round));
            let written = store.commit(transaction).await;
            written.expect("nothing is in the way");
            yield_now().await;
        }
    });
    let followers = stores.iter().map(|store| follow(*store, wanted));
    let (seen, _) = join(join_all(followers), join_all(writers)).await;
    let all = stores[0].events(&EventFilter::default()).await;
    let all = all.expect("reading works");
    for seen in seen {
        assert_eq!(seen, all, "an event came behind one with a higher number");
    }
}

/// Of two that name their record the same at the same time one is told.
pub(super) async fn unique_values_have_one_holder(stores: &[&dyn Store]) {
    for round in 0..10 {
        let attempts = (0..4_u8).map(|number| async move {
            let mut node = node(number);
            node.name = Some(format!("round {round}"));
            let store = stores[usize::from(number) % stores.len()];
            store.commit(Transaction::new().put(&node)).await
        });
        let outcomes = join_all(attempts).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {outcomes:?}");
        for outcome in outcomes {
            assert!(
                matches!(outcome, Ok(_) | Err(StoreError::NotUnique { .. })),
                "{outcome:?}"
            );
        }
    }
}

/// Those who find room at the same time are not all let in.
pub(super) async fn the_last_place_is_given_away_once(stores: &[&dyn Store]) {
    const PLACES: usize = 5;
    let state = FieldValue::Text(node(1).provision_state.name().to_owned());
    let room = Room {
        table: Table::Node,
        filters: vec![("provision_state", vec![state])],
        limit: PLACES,
    };
    let entering = (0..WRITERS * 2).map(|number| {
        let store = stores[usize::from(number) % stores.len()];
        let room = Expectation::Room(room.clone());
        store.commit(Transaction::new().expect(room).put(&node(number)))
    });
    let outcomes = join_all(entering).await;
    let entered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(entered, PLACES, "{outcomes:?}");
    for outcome in outcomes {
        assert!(
            matches!(outcome, Ok(_) | Err(StoreError::NoRoom { limit: PLACES })),
            "{outcome:?}"
        );
    }
}
