//! Expectations: what does not hold any more refuses the whole transaction.

use super::{assert_stale, committed, node, stored};
use crate::{
    Entity, EventFilter, Expectation, FieldValue, Revision, Room, Store, StoreError, Table,
    Transaction,
};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{Epoch, Incarnation};
use ferric_model::node::{Node, Ownership};
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use uuid::Uuid;

pub(super) async fn a_revision_must_hold(store: &dyn Store) {
    let one = node(1);
    let absent = Expectation::Revision(one.key(), Revision(1));
    assert_stale(&store.commit(Transaction::new().expect(absent)).await);
    let first = committed(store, Transaction::new().put(&one)).await;
    let expecting = || {
        let expectation = Expectation::Revision(one.key(), first);
        Transaction::new().expect(expectation).put(&one)
    };
    committed(store, expecting()).await;
    assert_stale(&store.commit(expecting()).await);
}

pub(super) async fn a_record_must_be_absent(store: &dyn Store) {
    let creating = || {
        let expectation = Expectation::Absent(node(1).key());
        Transaction::new().expect(expectation).put(&node(1))
    };
    committed(store, creating()).await;
    assert_stale(&store.commit(creating()).await);
    committed(store, Transaction::new().delete(node(1).key())).await;
    committed(store, creating()).await;
}

fn owned(mut node: Node, epoch: u64) -> Node {
    node.ownership = Some(Ownership {
        conductor: "c1".to_owned(),
        incarnation: Incarnation(Uuid::nil()),
        epoch: Epoch(epoch),
    });
    node
}

pub(super) async fn a_stale_epoch_writes_nothing(store: &dyn Store) {
    let at = |epoch| {
        let expectation = Expectation::Epoch(node(1).key(), Epoch(epoch));
        Transaction::new().expect(expectation)
    };
    // A node that is gone belongs to nobody who could still write it.
    assert_stale(&store.commit(at(0).put(&node(1))).await);
    committed(store, Transaction::new().put(&node(1))).await;
    committed(store, at(7).put(&owned(node(1), 7))).await;
    committed(store, at(7).put(&owned(node(1), 8))).await;
    assert_stale(&store.commit(at(7).put(&owned(node(1), 7))).await);
    assert_stale(&store.commit(at(9).put(&owned(node(1), 9))).await);
    let record = stored(store, &node(1)).await;
    assert_eq!(
        record.decode::<Node>().expect("it is a node"),
        owned(node(1), 8)
    );
}

pub(super) async fn a_room_takes_as_many_as_it_holds(store: &dyn Store) {
    let state = FieldValue::Text(ProvisionState::Enroll.name().to_owned());
    let room = |limit, filters: &[(&'static str, Vec<FieldValue>)]| {
        Expectation::Room(Room {
            table: Table::Node,
            filters: filters.to_vec(),
            limit,
        })
    };
    let enrolled = [("provision_state", vec![state.clone()])];
    let enter = |number: u8, room| Transaction::new().expect(room).put(&node(number));
    for number in 1..=3 {
        committed(store, enter(number, room(3, &enrolled))).await;
    }
    let full = |outcome: Result<Revision, StoreError>| {
        assert!(
            matches!(outcome, Err(StoreError::NoRoom { .. })),
            "{outcome:?}"
        );
    };
    full(store.commit(enter(4, room(3, &enrolled))).await);
    full(store.commit(enter(4, room(3, &[]))).await);
    full(store.commit(enter(4, room(0, &enrolled))).await);
    // Both must hold, with one of the values each.
    let elsewhere = [
        ("provision_state", vec![FieldValue::Null, state.clone()]),
        ("maintenance", vec![FieldValue::Bool(true)]),
    ];
    committed(store, enter(4, room(1, &elsewhere))).await;
    // What the transaction itself takes away or brings does not count yet.
    let leaving = Transaction::new().delete(node(1).key());
    full(store.commit(leaving.expect(room(4, &enrolled))).await);
    committed(store, Transaction::new().delete(node(1).key())).await;
    committed(store, enter(1, room(4, &enrolled))).await;
}

pub(super) async fn what_was_not_seen_leaves_no_room(store: &dyn Store) {
    committed(store, Transaction::new().put(&node(1))).await;
    let state = FieldValue::Text(ProvisionState::Enroll.name().to_owned());
    let seen = |number| {
        let room = Room::as_seen(Table::Node, "provision_state", state.clone(), number);
        Transaction::new().expect(Expectation::Room(room))
    };
    committed(store, seen(1).put(&node(2))).await;
    let late = store.commit(seen(1).put(&node(3))).await;
    assert!(matches!(late, Err(StoreError::NoRoom { .. })), "{late:?}");
    let none = store.commit(seen(0)).await;
    assert!(matches!(none, Err(StoreError::NoRoom { .. })), "{none:?}");
    let all = seen(2).delete(node(1).key()).delete(node(2).key());
    committed(store, all).await;
    committed(store, seen(0)).await;
}

pub(super) async fn a_refused_transaction_leaves_no_trace(store: &dyn Store) {
    committed(store, Transaction::new().put(&node(1))).await;
    let before = stored(store, &node(1)).await;
    let refused = Transaction::new()
        .put(&node(2))
        .delete(node(1).key())
        .event(TimelineEvent {
            id: Uuid::nil(),
            node: node(1).uuid,
            at: Timestamp::UNIX_EPOCH,
            conductor: "c1".to_owned(),
            run: None,
            bulk: None,
            what: What::Enrolled,
        })
        .expect(Expectation::Absent(node(1).key()));
    assert_stale(&store.commit(refused).await);
    assert_eq!(stored(store, &node(1)).await, before);
    let two = store.get(&node(2).key()).await.expect("reading works");
    assert_eq!(two, None);
    let events = store.events(&EventFilter::default()).await;
    assert_eq!(events.expect("reading works"), []);
}

pub(super) async fn of_many_at_one_revision_one_wins(store: &dyn Store) {
    let mut revision = committed(store, Transaction::new().put(&node(1))).await;
    for _ in 0..5 {
        let attempt = || {
            let expectation = Expectation::Revision(node(1).key(), revision);
            store.commit(Transaction::new().expect(expectation).put(&node(1)))
        };
        let (a, b, c, d) = tokio::join!(attempt(), attempt(), attempt(), attempt());
        let won: Vec<_> = [a, b, c, d].into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "exactly one of four may win");
        revision = won[0];
    }
}
