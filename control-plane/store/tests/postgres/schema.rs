//! The schema is made and brought up by ferric: by one, by several at the same time, and beside an older release.

use crate::Lab;
use ferric_model::node::Node;
use ferric_store::conformance::node;
use ferric_store::postgres_store::{MIGRATIONS, Migration};
use ferric_store::{
    Entity, EventFilter, FieldValue, PostgresStore, Query, Store, StoreError, Table, Transaction,
};
use std::fs;

/// What a later release may bring: a column that this one does without.
const ADDITIVE: Migration = Migration {
    version: 3,
    least: 2,
    sql: "ALTER TABLE ferric_records ADD COLUMN IF NOT EXISTS colour text",
};

/// And a step that this one could not live with.
const BREAKING: Migration = Migration {
    version: 4,
    least: 4,
    sql: "ALTER TABLE ferric_events RENAME TO ferric_timeline",
};

const FAILING: Migration = Migration {
    version: 3,
    least: 2,
    sql: "ALTER TABLE ferric_records ADD COLUMN colour text; SELECT nonsense",
};

fn with(later: &[Migration]) -> Vec<Migration> {
    [MIGRATIONS, later].concat()
}

async fn open(lab: &Lab, migrations: &[Migration]) -> Result<PostgresStore, StoreError> {
    PostgresStore::open_with(&lab.url(), lab.key(), migrations).await
}

fn version(lab: &Lab) -> String {
    lab.server
        .psql(&lab.database, "SELECT version FROM ferric_schema")
}

async fn nodes(store: &PostgresStore) -> Vec<Node> {
    let page = store.page(&Query::all(Table::Node)).await.unwrap();
    page.records
        .iter()
        .map(|record| record.decode().unwrap())
        .collect()
}

#[tokio::test]
async fn an_upgrade_keeps_everything_and_the_older_release_goes_on() {
    let lab = Lab::start(&[]);
    let old = lab.open().await;
    old.commit(Transaction::new().put(&node(1))).await.unwrap();
    assert_eq!(version(&lab), "2");

    let new = open(&lab, &with(&[ADDITIVE])).await.unwrap();
    assert_eq!(version(&lab), "3");
    assert_eq!(nodes(&new).await, [node(1)]);
    // Both at the same time, and the old one after a restart.
    new.commit(Transaction::new().put(&node(2))).await.unwrap();
    old.commit(Transaction::new().put(&node(3))).await.unwrap();
    drop(old);
    let old = lab.open().await;
    assert_eq!(nodes(&old).await, [node(1), node(2), node(3)]);
    assert_eq!(version(&lab), "3");

    let newest = open(&lab, &with(&[ADDITIVE, BREAKING])).await.unwrap();
    assert_eq!(nodes(&newest).await.len(), 3);
    let refused = PostgresStore::open(&lab.url(), lab.key())
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("newer release (schema 4, this one knows 2)"),
        "{text}"
    );
}

/// Written by the last release with schema 1, which sealed without a head.
#[tokio::test]
async fn a_database_of_schema_1_is_read_and_goes_on() {
    let lab = Lab::start(&[]);
    lab.server.psql(&lab.database, include_str!("schema-1.sql"));
    fs::write(lab.key(), include_str!("schema-1.key")).unwrap();
    let store = lab.open().await;
    assert_eq!(version(&lab), "2");
    let mut found = nodes(&store).await;
    let names: Vec<_> = found.iter().map(|node| node.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b"), Some("c")]);
    let events = store.events(&EventFilter::default()).await.unwrap();
    assert!(events.len() >= 3, "{events:?}");
    found[0].description = Some("written by this release".to_owned());
    store
        .commit(Transaction::new().put(&found[0]))
        .await
        .unwrap();
    drop(store);
    assert_eq!(nodes(&lab.open().await).await, found);
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_database_as_it_was() {
    let lab = Lab::start(&[]);
    let old = lab.open().await;
    old.commit(Transaction::new().put(&node(1))).await.unwrap();
    let error = open(&lab, &with(&[FAILING])).await.unwrap_err();
    assert!(
        error.to_string().contains("schema of postgresql://"),
        "{error}"
    );
    assert_eq!(version(&lab), "2");
    let columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'colour'";
    assert_eq!(lab.server.psql(&lab.database, columns), "0");
    assert_eq!(nodes(&lab.open().await).await, [node(1)]);
}

#[tokio::test]
async fn several_make_the_schema_at_the_same_time() {
    let lab = Lab::start(&["default_transaction_isolation=serializable"]);
    // One key, as it is handed over to each conductor.
    fs::write(lab.key(), "1".repeat(64)).unwrap();
    let migrations = with(&[ADDITIVE]);
    let opened = tokio::join!(
        open(&lab, &migrations),
        open(&lab, &migrations),
        open(&lab, &migrations),
        open(&lab, &migrations),
    );
    let stores = [opened.0, opened.1, opened.2, opened.3].map(Result::unwrap);
    for (number, store) in (1..).zip(&stores) {
        store
            .commit(Transaction::new().put(&node(number)))
            .await
            .unwrap();
    }
    assert_eq!(nodes(&stores[0]).await.len(), 4);
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_told_apart() {
    let lab = Lab::start(&[]);
    drop(lab.open().await);
    let right = fs::read(lab.key()).unwrap();
    let message = async || {
        let opened = PostgresStore::open(&lab.url(), lab.key()).await;
        opened.unwrap_err().to_string()
    };
    fs::remove_file(lab.key()).unwrap();
    let refused = message().await;
    assert!(refused.contains("store.key is missing"), "{refused}");
    assert!(
        !lab.key().exists(),
        "no new key takes the place of a lost one"
    );
    fs::write(lab.key(), "0".repeat(64)).unwrap();
    let refused = message().await;
    assert!(refused.contains("is not the key that"), "{refused}");
    fs::write(lab.key(), right).unwrap();
    drop(lab.open().await);
}

#[tokio::test]
async fn indexes_are_made_anew_when_fields_come() {
    let lab = Lab::start(&[]);
    let store = lab.open().await;
    for number in 1..=3 {
        let mut node = node(number);
        node.name = Some(format!("n{number}"));
        store.commit(Transaction::new().put(&node)).await.unwrap();
    }
    drop(store);
    // As a release would leave it that knew no field of these.
    let older = "DELETE FROM ferric_fields; \
                 UPDATE ferric_records SET fields = ''; \
                 UPDATE ferric_notes SET value = '1 colour' WHERE name = 'indexed fields'";
    lab.server.psql(&lab.database, older);
    let store = lab.open().await;
    let named = vec![FieldValue::Text("n2".to_owned())];
    let query = Query::all(Table::Node).filter("name", named);
    let page = store.page(&query).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].key, node(2).key());
    let count = "SELECT count(*) FROM ferric_fields WHERE kind = 1";
    let expected = 3 * Table::Node.fields().len();
    assert_eq!(lab.server.psql(&lab.database, count), expected.to_string());
}

#[tokio::test]
async fn a_store_that_must_be_there_is_not_made() {
    let lab = Lab::start(&[]);
    let opened = PostgresStore::open_existing(&lab.url(), lab.key()).await;
    let text = opened.unwrap_err().to_string();
    assert!(
        text.contains("there is no store in postgresql://"),
        "{text}"
    );
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ferric%'";
    assert_eq!(lab.server.psql(&lab.database, tables), "0");
    assert!(!lab.key().exists());
}
