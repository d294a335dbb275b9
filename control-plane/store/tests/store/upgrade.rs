//! Earlier and later releases' schemas, the later ones made up: what was stored stays, and an older release keeps away.

use ferric_model::node::Node;
use ferric_store::conformance::node;
use ferric_store::redb_store::Conversion;
use ferric_store::{Entity, EventFilter, Query, RedbStore, Store, StoreError, Table, Transaction};
use redb::TableDefinition;
use std::fs;
use std::path::Path;

const COLOURS: TableDefinition<'_, u64, &str> = TableDefinition::new("colours");

const NEXT: &[Conversion] = &[Conversion {
    version: 3,
    convert: |write| {
        write.open_table(COLOURS)?.insert(1, "red")?;
        Ok(())
    },
}];

/// Fails when half of it is done.
const FAILING: &[Conversion] = &[
    NEXT[0],
    Conversion {
        version: 4,
        convert: |write| {
            let other = TableDefinition::<&str, u64>::new("colours");
            write.open_table(other)?;
            Ok(())
        },
    },
];

/// As this release is.
const THIS: &[Conversion] = &[Conversion {
    version: 2,
    convert: |_| Ok(()),
}];

fn open(folder: &Path, conversions: &[Conversion]) -> Result<RedbStore, StoreError> {
    let (file, key) = (folder.join("ferric.redb"), folder.join("store.key"));
    RedbStore::open_with(file, key, conversions)
}

async fn holds_node(store: &RedbStore, number: u8) {
    let record = store.get(&node(number).key()).await.unwrap();
    assert_eq!(record.unwrap().decode::<Node>().unwrap(), node(number));
}

/// Written by the last release with schema 1, which sealed without a head.
#[tokio::test]
async fn a_file_of_schema_1_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferric.redb");
    let packed = include_bytes!("schema-1.redb.zst").as_slice();
    fs::write(&file, zstd::decode_all(packed).unwrap()).unwrap();
    fs::write(
        folder.path().join("store.key"),
        include_str!("schema-1.key"),
    )
    .unwrap();
    let nodes = async |store: &RedbStore| -> Vec<Node> {
        let page = store.page(&Query::all(Table::Node)).await.unwrap();
        let records = page.records.iter();
        records.map(|record| record.decode().unwrap()).collect()
    };
    let store = RedbStore::open(&file).unwrap();
    let mut found = nodes(&store).await;
    let names: Vec<_> = found.iter().map(|node| node.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b"), Some("c")]);
    let events = store.events(&EventFilter::default()).await.unwrap();
    assert!(events.len() >= 3, "{events:?}");
    found[0].description = Some("written by this release".to_owned());
    let change = Transaction::new().put(&found[0]);
    store.commit(change).await.unwrap();
    drop(store);
    assert_eq!(nodes(&RedbStore::open(&file).unwrap()).await, found);
    // A release that knows schema 1 only keeps away from it.
    let refused = open(folder.path(), &[]).unwrap_err().to_string();
    assert!(
        refused.contains("newer release (schema 2, this one knows 1)"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_upgrade_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), THIS).unwrap();
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
    let refused = open(folder.path(), THIS).unwrap_err().to_string();
    assert!(
        refused.contains("newer release (schema 3, this one knows 2)"),
        "{refused}"
    );
    // A new file has it from its beginning.
    let fresh = tempfile::tempdir().unwrap();
    drop(open(fresh.path(), NEXT).unwrap());
    assert!(open(fresh.path(), THIS).is_err());
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), THIS).unwrap();
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    drop(store);
    assert!(open(folder.path(), FAILING).is_err());
    holds_node(&open(folder.path(), THIS).unwrap(), 1).await;
    holds_node(&open(folder.path(), NEXT).unwrap(), 1).await;
}
