//! What an operator does with a whole store: backup and restore, check, another key, a smaller file.

use crate::file::{PASSWORD, QUOTED, TOKEN, quoting, secretive};
use ferric_model::event::{OtherEvent, TimelineEvent, What};
use ferric_model::node::{Node, Object};
use ferric_store::conformance::node;
use ferric_store::transfer::compare;
use ferric_store::upkeep::{self, Backup, Part, Upkeep, change_key, check, restore};
use ferric_store::{Entity, RedbStore, Store, Table, Transaction};
use redb::{Database, ReadableTable, TableDefinition};
use std::fs;
use std::path::Path;

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

pub(crate) fn open(folder: &Path) -> RedbStore {
    RedbStore::open(folder.join("ferric.redb")).unwrap()
}

/// Large enough to be packed, and many enough for several batches.
async fn filled(folder: &Path) -> RedbStore {
    let store = open(folder);
    let mut node_of_secrets = secretive();
    node_of_secrets.description = Some("a rack, a shelf, a slot. ".repeat(1000));
    for number in 2..150 {
        let transaction = Transaction::new().put(&node(number)).event(quoting());
        store.commit(transaction).await.unwrap();
    }
    let transaction = Transaction::new().put(&node_of_secrets).event(quoting());
    store.commit(transaction).await.unwrap();
    store
}

async fn backup(store: &dyn Upkeep, path: &Path) {
    let mut backup = Backup::begin(store).await.unwrap();
    let mut file = Vec::new();
    loop {
        let bytes = backup.next().await.unwrap();
        if bytes.is_empty() {
            break;
        }
        file.extend(bytes);
    }
    fs::write(path, file).unwrap();
}

pub(crate) async fn fine(store: &dyn Upkeep) {
    let report = check(store).await.unwrap();
    assert_eq!((report.found, &report.findings), (0, &Vec::new()));
    assert!(report.records > 0 && report.entries > report.records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_comes_back_as_it_was_and_holds_no_secret() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(from.path()).await;
    let file = from.path().join("backup");
    // What comes while it is made is not in it, and does it no harm.
    let mut begun = Backup::begin(&store).await.unwrap();
    let first = begun.next().await.unwrap();
    let later = node(200);
    store.commit(Transaction::new().put(&later)).await.unwrap();
    let mut bytes = first;
    loop {
        let more = begun.next().await.unwrap();
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    fs::write(&file, &bytes).unwrap();
    let key = fs::read_to_string(from.path().join("store.key")).unwrap();
    for secret in [PASSWORD, TOKEN, QUOTED, key.trim()] {
        assert!(!holds(&bytes, secret), "{secret} stands in the backup");
    }
    fs::copy(from.path().join("store.key"), to.path().join("store.key")).unwrap();
    let restored = open(to.path());
    let key = to.path().join("store.key");
    let done = restore(&file, &key, &restored).await.unwrap();
    assert_eq!((done.records, done.events), (149, 149));
    assert!(restored.get(&later.key()).await.unwrap().is_none());
    store
        .commit(Transaction::new().delete(later.key()))
        .await
        .unwrap();
    compare(&store, &restored).await.unwrap();
    fine(&restored).await;
    let again = restore(&file, &key, &restored)
        .await
        .unwrap_err()
        .to_string();
    assert!(again.contains("is not empty"), "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_and_another_key_are_refused_and_leave_the_store_empty() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(from.path()).await;
    let file = from.path().join("backup");
    backup(&store, &file).await;
    let empty = open(to.path());
    let (right, wrong) = (from.path().join("store.key"), to.path().join("store.key"));
    let told = restore(&file, &wrong, &empty)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("it needs the store.key of the time"),
        "{told}"
    );
    let whole = fs::read(&file).unwrap();
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 1;
    let longer = [whole.as_slice(), b"x"].concat();
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..whole.len() / 2],
        &turned,
        &longer,
    ] {
        fs::write(&file, damaged).unwrap();
        let told = restore(&file, &right, &empty)
            .await
            .unwrap_err()
            .to_string();
        assert!(told.contains("cut off or damaged"), "{told}");
    }
    fs::write(&file, b"something else").unwrap();
    let told = restore(&file, &right, &empty)
        .await
        .unwrap_err()
        .to_string();
    assert!(told.contains("is no backup"), "{told}");
    fs::write(&file, &whole).unwrap();
    restore(&file, &right, &empty).await.unwrap();
    compare(&store, &empty).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_what_is_wrong() {
    const INDEX: TableDefinition<'_, &[u8], ()> = TableDefinition::new("index");
    const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
    const TIMELINES: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("node_events");
    const FIELDS: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("sealed fields");
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let of_kind = |kind: &str| {
        let (event, rest) = (kind.to_owned(), Object::new());
        TimelineEvent {
            what: What::Other(OtherEvent { event, rest }),
            ..quoting()
        }
    };
    let newer = Transaction::new().event(of_kind("levitated"));
    store.commit(newer).await.unwrap();
    fine(&store).await;
    let malformed = Transaction::new().event(of_kind("note"));
    store.commit(malformed).await.unwrap();
    drop(store);
    let database = Database::open(folder.path().join("ferric.redb")).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut index = write.open_table(INDEX).unwrap();
        let first = index.first().unwrap().unwrap().0.value().to_vec();
        index.remove(first.as_slice()).unwrap();
        let mut other = first;
        *other.last_mut().unwrap() ^= 1;
        other[2] = 1;
        index.insert(other.as_slice(), ()).unwrap();
        let mut events = write.open_table(EVENTS).unwrap();
        let moved = events.get(7).unwrap().unwrap().value().to_vec();
        events.insert(8, moved.as_slice()).unwrap();
        let mut timelines = write.open_table(TIMELINES).unwrap();
        timelines.remove((node(1).uuid.0.as_u128(), 9)).unwrap();
        let mut fields = write.open_table(FIELDS).unwrap();
        let ((table, sequence), sealed) = {
            let (place, sealed) = fields.pop_first().unwrap().unwrap();
            (place.value(), sealed.value().to_vec())
        };
        fields
            .insert((table, sequence - 1), sealed.as_slice())
            .unwrap();
        fields.insert((table, 9999), sealed.as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let report = check(&open(folder.path())).await.unwrap();
    let text: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    for part in [
        "event 8: a sealed document does not open",
        "event 9: it is not on the timeline of",
        "event 151: it has not what events of its kind have",
        "is missing",
        "is not what is there",
        "its sealed fields are not those of the document",
        "sealed fields: 2 entries, of which 1 are of records",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_changes_while_the_store_is_written_to_and_old_backups_stay_readable() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(folder.path()).await;
    let (file, key) = (
        folder.path().join("backup"),
        folder.path().join("store.key"),
    );
    backup(&store, &file).await;
    let old = fs::read_to_string(&key).unwrap();
    let writing = async {
        for number in 0..40 {
            let mut node = node(number + 2);
            node.description = Some("changed".to_owned());
            store.commit(Transaction::new().put(&node)).await.unwrap();
        }
    };
    let (changed, ()) = tokio::join!(change_key(&store), writing);
    assert!(changed.unwrap().resealed > 0);
    let new = fs::read_to_string(&key).unwrap();
    assert!(
        new.contains(&format!("{} retired", old.trim())),
        "the old key stays"
    );
    // Nothing is left that needs it.
    let first = new.lines().next().unwrap();
    drop(store);
    fs::write(&key, format!("{first}\n")).unwrap();
    let store = open(folder.path());
    fine(&store).await;
    drop(store);
    fs::write(&key, &old).unwrap();
    let refused = RedbStore::open(folder.path().join("ferric.redb"));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("is not the key that"), "{refused}");
    fs::write(&key, &new).unwrap();
    let restored = open(to.path());
    restore(&file, &key, &restored).await.unwrap();
    fine(&restored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_key_that_was_interrupted_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let key = folder.path().join("store.key");
    let old = fs::read_to_string(&key).unwrap();
    upkeep::prepare_key(&key).unwrap();
    let prepared = fs::read_to_string(&key).unwrap();
    assert!(prepared.starts_with(&old) && prepared.ends_with(" next\n"));
    drop(store);
    // As it stands after the file was changed and a part was sealed anew.
    let next = prepared.lines().nth(1).unwrap().split(' ').next().unwrap();
    fs::write(&key, format!("{next}\n{} old\n", old.trim())).unwrap();
    let store = open(folder.path());
    let part = store.reseal(Part::Records(Table::Node), 0).await.unwrap();
    assert!(part.count > 0 && part.last.is_some());
    fine(&store).await;
    drop(store);
    let store = open(folder.path());
    fine(&store).await;
    let changed = change_key(&store).await.unwrap();
    assert!(changed.went_on && changed.resealed > 0, "{changed:?}");
    let text = fs::read_to_string(&key).unwrap();
    assert_eq!(text, format!("{next}\n{} retired\n", old.trim()));
    fine(&store).await;
}

/// 20 KB that cannot be packed much.
pub(crate) fn large(number: u8) -> Node {
    let mut large = node(number);
    let text = (0..20_000_u32).map(|place| {
        let mixed = place
            .wrapping_add(u32::from(number) << 16)
            .wrapping_mul(2_654_435_761);
        char::from(b'0' + u8::try_from(mixed >> 26).unwrap())
    });
    large.description = Some(text.collect());
    large
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_gets_smaller_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..100 {
        let put = Transaction::new().put(&large(number));
        store.commit(put).await.unwrap();
    }
    for number in 0..90 {
        let delete = Transaction::new().delete(node(number).key());
        store.commit(delete).await.unwrap();
    }
    drop(store);
    let (file, key) = (
        folder.path().join("ferric.redb"),
        folder.path().join("store.key"),
    );
    let (before, after) = RedbStore::compact(&file, &key).unwrap();
    assert!(after < before / 2, "{before} {after}");
    assert_eq!(fs::metadata(&file).unwrap().len(), after);
    assert!(RedbStore::check_pages(&file, &key).unwrap());
    let store = open(folder.path());
    fine(&store).await;
    for number in 90..100 {
        let record = store.get(&node(number).key()).await.unwrap().unwrap();
        assert_eq!(record.decode::<Node>().unwrap().uuid, node(number).uuid);
    }
}

/// The empty room that a running store leaves in its file, as it is when the process dies while it makes that room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_that_was_begun_is_taken_out_of_the_file() {
    const ROOM_BYTES: usize = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let (file, key) = (
        folder.path().join("ferric.redb"),
        folder.path().join("store.key"),
    );
    let database = redb::Database::open(&file).unwrap();
    let write = database.begin_write().unwrap();
    let placeholder = redb::TableDefinition::<(), &[u8]>::new("placeholder");
    let room = vec![0_u8; ROOM_BYTES];
    write
        .open_table(placeholder)
        .unwrap()
        .insert((), room.as_slice())
        .unwrap();
    write.commit().unwrap();
    drop(database);
    let (before, after) = RedbStore::compact(&file, &key).unwrap();
    assert!(before > ROOM_BYTES as u64, "{before}");
    assert!(after < ROOM_BYTES as u64, "{before} {after}");
    fine(&open(folder.path())).await;
}
