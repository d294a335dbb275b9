//! From the embedded store to the server and back: everything arrives, in its order, and counting goes on.

use crate::Lab;
use ferric_model::ids::{Epoch, Incarnation};
use ferric_model::node::Ownership;
use ferric_store::conformance::{agrees_with_the_model, node};
use ferric_store::transfer::{CopyError, Movable, compare, copy};
use ferric_store::{
    Entity, EventFilter, Expectation, FieldValue, Outline, PostgresStore, Query, RedbStore,
    SortOrder, Store, StoreError, Table, Transaction,
};
use std::path::Path;
use uuid::Uuid;

fn embedded(folder: &Path) -> RedbStore {
    RedbStore::open(folder.join("ferric.redb")).unwrap()
}

/// Lists by every field, both ways: the indexes arrived too.
async fn lists(store: &dyn Store) -> Vec<Vec<Outline>> {
    let mut lists = Vec::new();
    for table in Table::ALL {
        for field in table.fields() {
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                let query = Query {
                    sort: Some((*field).to_owned()),
                    order,
                    ..Query::all(*table)
                };
                lists.push(store.outlines(&query).await.unwrap());
            }
        }
    }
    lists
}

#[tokio::test]
async fn there_and_back_nothing_is_lost() {
    let lab = Lab::start(&[]);
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let original = embedded(there.path());
    // A history with deletions, so that numbers have gaps; then so many that they do not fit one batch.
    agrees_with_the_model(&original, 1, 150).await;
    for number in 10..=255 {
        let mut node = node(number);
        node.name = Some(format!("name {number}"));
        original
            .commit(Transaction::new().put(&node))
            .await
            .unwrap();
    }
    let mut owned = node(9);
    owned.ownership = Some(Ownership {
        conductor: "c1".to_owned(),
        incarnation: Incarnation(Uuid::nil()),
        epoch: Epoch(7),
    });
    original
        .commit(Transaction::new().put(&owned))
        .await
        .unwrap();
    let server = lab.open().await;
    let copied = copy(&original, &server).await.unwrap();
    assert!(copied.records > 246 && copied.events > 0, "{copied:?}");
    let returned = embedded(back.path());
    assert_eq!(copy(&server, &returned).await.unwrap(), copied);
    assert_eq!(compare(&original, &returned).await.unwrap(), copied);
    let expected = lists(&original).await;
    assert_eq!(lists(&returned).await, expected);
    for store in [&original as &dyn Movable, &server, &returned] {
        assert_eq!(
            store.counters().await.unwrap(),
            original.counters().await.unwrap()
        );
    }

    // All three go on alike.
    let mut revisions = Vec::new();
    for store in [&original as &dyn Store, &server, &returned] {
        let taken = {
            let mut node = node(1);
            node.name = Some("name 17".to_owned());
            store.commit(Transaction::new().put(&node)).await
        };
        assert!(
            matches!(taken, Err(StoreError::NotUnique { .. })),
            "{taken:?}"
        );
        let mut new = node(1);
        new.name = Some("new".to_owned());
        revisions.push(store.commit(Transaction::new().put(&new)).await.unwrap());
        // A conductor that lost the node before the copy writes nothing after it.
        let stale = Expectation::Epoch(owned.key(), Epoch(6));
        let stale = store.commit(Transaction::new().expect(stale)).await;
        assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
        let named = vec![FieldValue::Text("new".to_owned())];
        let query = Query::all(Table::Node).filter("name", named);
        assert_eq!(store.page(&query).await.unwrap().records.len(), 1);
    }
    assert!(revisions.iter().all(|revision| *revision == revisions[0]));
    compare(&original, &returned).await.unwrap();
    // And after they were opened again.
    drop((returned, server));
    let (server, returned) = (lab.open().await, embedded(back.path()));
    compare(&server, &returned).await.unwrap();
}

#[tokio::test]
async fn a_target_that_was_written_to_is_refused() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (original, server) = (embedded(folder.path()), lab.open().await);
    original
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    server
        .commit(Transaction::new().put(&node(2)))
        .await
        .unwrap();
    for (from, to) in [
        (&original as &dyn Movable, &server as &dyn Movable),
        (&server, &original),
    ] {
        let refused = copy(from, to).await.unwrap_err();
        assert!(matches!(refused, CopyError::NotEmpty(_)), "{refused:?}");
        assert!(refused.to_string().contains(&to.place()));
    }
    assert!(server.get(&node(1).key()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_copy_was_not_finished_into_does_not_open() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let server = lab.open().await;
    server.begin_import().await.unwrap();
    drop(server);
    let refused = PostgresStore::open(&lab.url(), lab.key())
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("was not finished"),
        "{refused}"
    );
    let store = embedded(folder.path());
    store.begin_import().await.unwrap();
    drop(store);
    let refused = RedbStore::open(folder.path().join("ferric.redb")).unwrap_err();
    assert!(
        refused.to_string().contains("was not finished"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_difference_is_found() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (original, server) = (embedded(folder.path()), lab.open().await);
    let transaction = Transaction::new().put(&node(1)).put(&node(2));
    original.commit(transaction).await.unwrap();
    copy(&original, &server).await.unwrap();
    for change in [
        "UPDATE ferric_records SET revision = 7 WHERE place = 1",
        "UPDATE ferric_records SET revision = 1; DELETE FROM ferric_records WHERE place = 2",
    ] {
        lab.server.psql(&lab.database, change);
        let differs = compare(&original, &server).await.unwrap_err();
        assert!(matches!(differs, CopyError::Differs(_)), "{differs:?}");
    }
    let events = server.events(&EventFilter::default()).await.unwrap();
    assert_eq!(events, []);
}
