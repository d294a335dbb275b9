//! Two releases on one database, of which one knows more indexed fields than the other, as in a rolling upgrade.

use crate::Lab;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::conformance::node;
use ferric_store::upkeep::check;
use ferric_store::{
    Entity, FieldValue, Key, PostgresStore, Query, Revision, Store, Table, Transaction,
};
use uuid::Uuid;

/// What came with the newer release.
const NEW: [&str; 2] = ["owner", "shard"];

fn owned(number: u8) -> Node {
    Node {
        owner: Some("ann".to_owned()),
        ..node(number)
    }
}

/// A put of a release that does not know the new fields. Its commit is the same in all else.
fn by_older(node: &Node) -> Transaction {
    let mut transaction = Transaction::new().put(node);
    let fields = &mut transaction.put[0].fields;
    fields.retain(|(name, _)| !NEW.contains(name));
    transaction
}

async fn anns(store: &PostgresStore) -> Vec<Key> {
    let ann = vec![FieldValue::Text("ann".to_owned())];
    let query = Query::all(Table::Node).filter("owner", ann);
    let page = store.page(&query).await.unwrap();
    page.records.into_iter().map(|record| record.key).collect()
}

async fn revision(store: &PostgresStore, number: u8) -> Revision {
    let record = store.get(&node(number).key()).await.unwrap();
    record.expect("the node").revision
}

#[tokio::test]
async fn what_an_older_release_writes_comes_into_the_indexes_of_the_newer() {
    let lab = Lab::start(&[]);
    let (newer, older) = (lab.open().await, lab.open().await);
    for number in 1..=3 {
        let put = Transaction::new().put(&owned(number));
        newer.commit(put).await.unwrap();
    }
    assert_eq!(newer.complete_indexes().await.unwrap(), 0);
    older.commit(by_older(&owned(2))).await.unwrap();
    older.commit(by_older(&owned(4))).await.unwrap();
    let all: Vec<Key> = (1..=4).map(|number| node(number).key()).collect();
    assert_eq!(anns(&newer).await, [all[0].clone(), all[2].clone()]);
    let before = revision(&newer, 2).await;
    assert_eq!(newer.complete_indexes().await.unwrap(), 2);
    assert_eq!(anns(&newer).await, all);
    assert_eq!(revision(&newer, 2).await, before, "nobody's work is undone");
    assert_eq!(newer.complete_indexes().await.unwrap(), 0);

    // It goes on writing, and the newer one finds that out when it starts too.
    older.commit(by_older(&owned(1))).await.unwrap();
    assert_eq!(anns(&newer).await, all[1..]);
    drop(newer);
    assert_eq!(anns(&lab.open().await).await, all);
    let report = check(&older).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn two_releases_that_know_what_the_other_does_not_undo_nothing() {
    let lab = Lab::start(&[]);
    let store = lab.open().await;
    let mut transaction = by_older(&owned(1));
    let red = FieldValue::Text("red".to_owned());
    transaction.put[0].fields.push(("colour", red));
    store.commit(transaction).await.unwrap();
    assert_eq!(store.complete_indexes().await.unwrap(), 1);
    assert_eq!(anns(&store).await, [node(1).key()]);
    let entries = |of: &str| {
        let count = format!("SELECT count(*) FROM ferric_fields WHERE kind = 1{of}");
        lab.server.psql(&lab.database, &count)
    };
    let expected = Table::Node.fields().len() + 1;
    assert_eq!(entries(""), expected.to_string());
    assert_eq!(entries(" AND field = 'colour'"), "1");
    assert_eq!(store.complete_indexes().await.unwrap(), 0);
    // The row still says so: whoever writes it next takes it out of that index.
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    assert_eq!(entries(" AND field = 'colour'"), "0");
}

#[tokio::test]
async fn all_of_many_records_are_found() {
    let lab = Lab::start(&[]);
    let store = lab.open().await;
    // All but each tenth, of more than are looked at together.
    for first in (1..=1100).step_by(50) {
        let mut transaction = Transaction::new();
        for number in first..first + 50 {
            let uuid = NodeId(Uuid::from_u128(number));
            transaction = transaction.put(&Node { uuid, ..owned(1) });
        }
        for (place, put) in transaction.put.iter_mut().enumerate() {
            if place % 10 != 0 {
                put.fields.retain(|(name, _)| !NEW.contains(name));
            }
        }
        store.commit(transaction).await.unwrap();
    }
    assert_eq!(anns(&store).await.len(), 110);
    assert_eq!(store.complete_indexes().await.unwrap(), 990);
    assert_eq!(anns(&store).await.len(), 1100);
}
