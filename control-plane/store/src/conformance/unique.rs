//! Unique values: one holder each, judged by what stands after the transaction.

use super::{committed, node};
use crate::{Entity, Store, StoreError, Transaction};
use ferric_model::node::Node;

fn named(number: u8, name: &str) -> Node {
    let mut node = node(number);
    node.name = Some(name.to_owned());
    node
}

pub(super) async fn a_taken_value_is_refused_with_its_holder(store: &dyn Store) {
    committed(store, Transaction::new().put(&named(1, "a"))).await;
    let outcome = store.commit(Transaction::new().put(&named(2, "a"))).await;
    match outcome {
        Err(StoreError::NotUnique {
            field,
            value,
            holder,
            ..
        }) => assert_eq!(
            (field, value, holder),
            ("name", "a".to_owned(), node(1).id())
        ),
        other => panic!("a refusal was expected, not {other:?}"),
    }
    // Its own value is nobody else's.
    committed(store, Transaction::new().put(&named(1, "a"))).await;
    committed(store, Transaction::new().delete(node(1).key())).await;
    committed(store, Transaction::new().put(&named(2, "a"))).await;
    let twice = Transaction::new().put(&named(3, "b")).put(&named(4, "b"));
    let outcome = store.commit(twice).await;
    assert!(matches!(outcome, Err(StoreError::NotUnique { .. })));
}

pub(super) async fn null_collides_with_nothing(store: &dyn Store) {
    let transaction = Transaction::new().put(&node(1)).put(&node(2));
    committed(store, transaction).await;
    committed(store, Transaction::new().put(&node(3))).await;
}

pub(super) async fn values_move_within_a_transaction(store: &dyn Store) {
    let start = Transaction::new().put(&named(1, "a")).put(&named(2, "b"));
    committed(store, start).await;
    let swap = Transaction::new().put(&named(1, "b")).put(&named(2, "a"));
    committed(store, swap).await;
    let inherit = Transaction::new().put(&named(3, "b")).delete(node(1).key());
    committed(store, inherit).await;
    let outcome = store.commit(Transaction::new().put(&named(4, "b"))).await;
    assert!(matches!(outcome, Err(StoreError::NotUnique { .. })));
}
