//! The database as a file: who may open it, with which key, and what a reader of its bytes learns.

use ferric_model::event::{TimelineEvent, What};
use ferric_model::node::Node;
use ferric_model::node::agent_session::{AgentSession, Token};
use ferric_store::conformance::node;
use ferric_store::{Entity, EventFilter, RedbStore, Store, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "hunter2-of-the-bmc";
pub(crate) const TOKEN: &str = "token-of-the-agent";
pub(crate) const QUOTED: &str = "secret-in-an-error";

pub(crate) fn secretive() -> Node {
    let mut node = node(1);
    node.driver_info
        .insert("redfish_password".to_owned(), json!(PASSWORD));
    node.last_error = Some(QUOTED.to_owned());
    node.agent = Some(AgentSession {
        token: Some(Token(TOKEN.to_owned())),
        ..AgentSession::default()
    });
    node
}

pub(crate) fn quoting() -> TimelineEvent {
    TimelineEvent {
        id: Uuid::nil(),
        node: node(1).uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: "c1".to_owned(),
        run: None,
        bulk: None,
        what: What::BmcError {
            error: QUOTED.to_owned(),
        },
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn message(outcome: Result<RedbStore, StoreError>) -> String {
    outcome.expect_err("opening must fail").to_string()
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    let store = RedbStore::open(&path).unwrap();
    let first = store.commit(Transaction::new().put(&secretive()).event(quoting()));
    let first = first.await.unwrap();
    drop(store);
    let store = RedbStore::open(&path).unwrap();
    let record = store.get(&node(1).key()).await.unwrap().unwrap();
    assert_eq!(record.decode::<Node>().unwrap(), secretive());
    let events = store.events(&EventFilter::default()).await.unwrap();
    assert_eq!(events[0].event, quoting());
    let second = store.commit(Transaction::new().put(&node(2))).await;
    assert!(second.unwrap() > first, "counters go on");
}

#[tokio::test]
async fn the_files_are_private_and_hold_no_secret_in_clear() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    let store = RedbStore::open(&path).unwrap();
    for _ in 0..50 {
        let transaction = Transaction::new().put(&secretive()).event(quoting());
        store.commit(transaction).await.unwrap();
    }
    drop(store);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&directory.path().join("store.key")), 0o600);
    let bytes = fs::read(&path).unwrap();
    let holds = |text: &str| {
        let mut windows = bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    // Index values stand in clear: the search would find the others too.
    assert!(holds("fake-hardware"));
    for secret in [PASSWORD, TOKEN, QUOTED, "redfish_password"] {
        assert!(!holds(secret), "{secret} stands in the file");
    }
}

#[test]
fn a_file_in_use_is_refused_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    let first = RedbStore::open(&path).unwrap();
    let refused = message(RedbStore::open(&path));
    assert!(
        refused.contains("is in use by another process"),
        "{refused}"
    );
    drop(first);
    RedbStore::open(&path).unwrap();
}

#[test]
fn a_lost_or_wrong_key_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    let key = directory.path().join("store.key");
    drop(RedbStore::open(&path).unwrap());
    let right = fs::read(&key).unwrap();

    fs::remove_file(&key).unwrap();
    let refused = message(RedbStore::open(&path));
    assert!(refused.contains("store.key is missing"), "{refused}");
    assert!(!key.exists(), "no new key takes the place of a lost one");

    fs::write(&key, "0".repeat(64)).unwrap();
    let refused = message(RedbStore::open(&path));
    assert!(refused.contains("is not the key that"), "{refused}");

    fs::write(&key, "0123").unwrap();
    let refused = message(RedbStore::open(&path));
    assert!(refused.contains("is not a key file"), "{refused}");

    fs::write(&key, right).unwrap();
    RedbStore::open(&path).unwrap();
}

#[test]
fn nothing_but_the_two_files_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    // An empty file is none: so a container's mount point may be given.
    fs::write(&path, "").unwrap();
    for _ in 0..2 {
        drop(RedbStore::open(&path).unwrap());
        let files = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["ferric.redb", "store.key"]);
    }
}

#[test]
fn the_key_can_live_elsewhere() {
    let (data, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, key) = (data.path().join("ferric.redb"), keys.path().join("key"));
    drop(RedbStore::open_with_key(&path, &key).unwrap());
    assert!(!data.path().join("store.key").exists());
    RedbStore::open_with_key(&path, &key).unwrap();
}

#[test]
fn what_is_no_store_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    fs::write(&text, "not a database, but somebody's notes").unwrap();
    assert!(RedbStore::open(&text).is_err());
    assert_eq!(
        fs::read_to_string(&text).unwrap(),
        "not a database, but somebody's notes"
    );

    let other = directory.path().join("other.redb");
    let table = redb::TableDefinition::<u64, u64>::new("numbers of somebody else");
    let database = redb::Database::create(&other).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(table).unwrap();
    write.commit().unwrap();
    drop(database);
    fs::write(directory.path().join("store.key"), "1".repeat(64)).unwrap();
    let refused = message(RedbStore::open(&other));
    assert!(refused.contains("not one of ferric"), "{refused}");
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    drop(RedbStore::open(&path).unwrap());
    let database = redb::Database::open(&path).unwrap();
    let write = database.begin_write().unwrap();
    let numbers = redb::TableDefinition::<&str, u64>::new("numbers");
    write
        .open_table(numbers)
        .unwrap()
        .insert("schema", 99)
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let refused = message(RedbStore::open(&path));
    assert!(refused.contains("newer release (schema 99"), "{refused}");
}

#[tokio::test]
async fn indexes_are_made_anew_when_fields_change() {
    use ferric_store::{FieldValue, Query, Table};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferric.redb");
    let store = RedbStore::open(&path).unwrap();
    for number in 1..=3 {
        let mut node = node(number);
        node.name = Some(format!("n{number}"));
        node.last_error = (number > 1).then(|| format!("error {}", 9 - number));
        store.commit(Transaction::new().put(&node)).await.unwrap();
    }
    drop(store);
    // As a release would leave it that knew none of the fields.
    let database = redb::Database::open(&path).unwrap();
    let write = database.begin_write().unwrap();
    let index = redb::TableDefinition::<&[u8], ()>::new("index");
    assert!(write.delete_table(index).unwrap());
    let sealed = redb::TableDefinition::<(u8, u64), &[u8]>::new("sealed fields");
    assert!(write.delete_table(sealed).unwrap());
    let notes = redb::TableDefinition::<&str, &[u8]>::new("notes");
    let old: &[u8] = b"Node uuid";
    write
        .open_table(notes)
        .unwrap()
        .insert("indexed fields", old)
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let store = RedbStore::open(&path).unwrap();
    let named = vec![FieldValue::Text("n2".to_owned())];
    let query = Query::all(Table::Node).filter("name", named);
    let page = store.page(&query).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].key, node(2).key());
    let by_error = Query {
        sort: Some("last_error".to_owned()),
        ..Query::all(Table::Node)
    };
    let page = store.page(&by_error).await.unwrap();
    let found: Vec<_> = page.records.iter().map(|record| &record.key).collect();
    assert_eq!(found, [&node(1).key(), &node(3).key(), &node(2).key()]);
}
