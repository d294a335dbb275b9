//! Room that is given back to the disk while the store is in use.

use crate::upkeep::{fine, large, open};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::upkeep::{Scope, Upkeep};
use ferric_store::{Key, Store, Table, Transaction};
use std::fs;
use std::sync::Arc;
use uuid::Uuid;

fn id(round: u8, number: u8) -> NodeId {
    NodeId(Uuid::from_u128(
        (u128::from(round) << 8) | u128::from(number),
    ))
}

fn key(round: u8, number: u8) -> Key {
    Key::new(Table::Node, id(round, number))
}

async fn delete(store: &impl Store, round: u8) {
    for number in 0..=u8::MAX {
        let delete = Transaction::new().delete(key(round, number));
        store.commit(delete).await.unwrap();
    }
}

/// Nobody has to stop for it; who reads meanwhile, for however long, is not disturbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_is_given_back_while_others_read_and_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferric.redb");
    let length = || fs::metadata(&file).unwrap().len();
    let store = Arc::new(open(folder.path()));
    for number in 0..=u8::MAX {
        for round in 0..4 {
            let node = Node {
                uuid: id(round, number),
                name: Some(format!("{round}-{number}")),
                ..large(number)
            };
            store.commit(Transaction::new().put(&node)).await.unwrap();
        }
    }
    assert_eq!(store.give_back().await.unwrap(), 0, "nothing was deleted");
    let before = length();
    delete(&*store, 0).await;
    assert_eq!(
        store.give_back().await.unwrap(),
        0,
        "a quarter is not worth it"
    );
    delete(&*store, 1).await;
    delete(&*store, 2).await;
    let mut snapshot = store.snapshot(Scope::Documents).await.unwrap();
    assert_eq!(store.give_back().await.unwrap(), 0, "it is being read");
    while !snapshot.next().await.unwrap().is_empty() {}
    drop(snapshot);
    let working = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 0..=u8::MAX {
                let record = store.get(&key(3, number)).await.unwrap().unwrap();
                let node = record.decode::<Node>().unwrap();
                store.commit(Transaction::new().put(&node)).await.unwrap();
            }
        }
    });
    let given = store.give_back().await.unwrap();
    working.await.unwrap();
    assert!(given > before / 2, "{given} of {before}");
    assert!(length() < before / 2, "{} of {before}", length());
    assert_eq!(store.give_back().await.unwrap(), 0);
    fine(&*store).await;
    for number in 0..=u8::MAX {
        assert!(store.get(&key(3, number)).await.unwrap().is_some());
    }
}
