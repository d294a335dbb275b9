//! Records as such: what is put is read, and keeps its place.

use super::{committed, node, numbers, page, stored};
use crate::{Entity, Query, Store, Table, Transaction};
use ferric_model::node::Node;

pub(super) async fn what_was_put_is_read(store: &dyn Store) {
    let mut one = node(1);
    assert_eq!(store.get(&one.key()).await.expect("reading works"), None);
    one.name = Some("eins".to_owned());
    let first = committed(store, Transaction::new().put(&one)).await;
    let record = stored(store, &one).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), one);
    assert_eq!(record.fields, one.fields());
    assert_eq!(record.revision, first);

    one.maintenance = true;
    let second = committed(store, Transaction::new().put(&one)).await;
    assert!(second > first);
    let record = stored(store, &one).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), one);
    assert_eq!(record.revision, second);

    committed(store, Transaction::new().delete(one.key())).await;
    assert_eq!(store.get(&one.key()).await.expect("reading works"), None);
    // Deleting what is not there is no error: the end is the same.
    committed(store, Transaction::new().delete(one.key())).await;
}

pub(super) async fn a_record_keeps_its_place_until_it_is_deleted(store: &dyn Store) {
    for number in [3, 1, 2] {
        committed(store, Transaction::new().put(&node(number))).await;
    }
    committed(store, Transaction::new().put(&node(3))).await;
    let all = Query::all(Table::Node);
    assert_eq!(numbers(&page(store, &all).await), [3, 1, 2]);
    committed(store, Transaction::new().delete(node(3).key())).await;
    committed(store, Transaction::new().put(&node(3))).await;
    assert_eq!(numbers(&page(store, &all).await), [1, 2, 3]);
    let replaced = Transaction::new().put(&node(1)).delete(node(1).key());
    committed(store, replaced).await;
    assert_eq!(numbers(&page(store, &all).await), [2, 3, 1]);
}

pub(super) async fn the_last_of_two_puts_counts(store: &dyn Store) {
    let mut named = node(1);
    named.name = Some("first".to_owned());
    let mut renamed = node(1);
    renamed.name = Some("second".to_owned());
    let transaction = Transaction::new().put(&named).put(&renamed);
    committed(store, transaction).await;
    let record = stored(store, &named).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), renamed);
    let names = |name: &str| {
        let value = crate::FieldValue::Text(name.to_owned());
        Query::all(Table::Node).filter("name", vec![value])
    };
    assert_eq!(page(store, &names("first")).await.records.len(), 0);
    assert_eq!(page(store, &names("second")).await.records.len(), 1);
}
