//! A later release's schema, made up until there is one: what was stored stays, and an older release keeps away.

use ferric_store::conformance::node;
use ferric_store::redb_store::Conversion;
use ferric_store::{Entity, RedbStore, Store, StoreError, Transaction};
use redb::TableDefinition;
use std::path::Path;

const COLOURS: TableDefinition<'_, u64, &str> = TableDefinition::new("colours");

const NEXT: &[Conversion] = &[Conversion {
    version: 2,
    convert: |write| {
        write.open_table(COLOURS)?.insert(1, "red")?;
        Ok(())
    },
}];

/// Fails when half of it is done.
const FAILING: &[Conversion] = &[
    NEXT[0],
    Conversion {
        version: 3,
        convert: |write| {
            let other = TableDefinition::<&str, u64>::new("colours");
            write.open_table(other)?;
            Ok(())
        },
    },
];

fn open(folder: &Path, conversions: &[Conversion]) -> Result<RedbStore, StoreError> {
    let (file, key) = (folder.join("ferric.redb"), folder.join("store.key"));
    RedbStore::open_with(file, key, conversions)
}

async fn holds_node(store: &RedbStore, number: u8) {
    let record = store.get(&node(number).key()).await.unwrap();
    assert_eq!(
        record
            .unwrap()
            .decode::<ferric_model::node::Node>()
            .unwrap(),
        node(number)
    );
}

#[tokio::test]
async fn an_upgrade_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &[]).unwrap();
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    drop(store);
    for number in 2..4 {
        let store = open(folder.path(), NEXT).unwrap();
        holds_node(&store, 1).await;
        store
            .commit(Transaction::new().put(&node(number)))
            .await
            .unwrap();
        holds_node(&store, number).await;
    }
    let refused = open(folder.path(), &[]).unwrap_err().to_string();
    assert!(
        refused.contains("newer release (schema 2, this one knows 1)"),
        "{refused}"
    );
    // A new file has it from its beginning.
    let fresh = tempfile::tempdir().unwrap();
    drop(open(fresh.path(), NEXT).unwrap());
    assert!(open(fresh.path(), &[]).is_err());
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &[]).unwrap();
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    drop(store);
    assert!(open(folder.path(), FAILING).is_err());
    holds_node(&open(folder.path(), &[]).unwrap(), 1).await;
    holds_node(&open(folder.path(), NEXT).unwrap(), 1).await;
}
