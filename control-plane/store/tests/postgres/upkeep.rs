//! The same for a database: backup there and back, check, another key that several processes follow.

use crate::Lab;
use ferric_store::conformance::node;
use ferric_store::transfer::compare;
use ferric_store::upkeep::{Backup, change_key, check, restore};
use ferric_store::{Entity, PostgresStore, RedbStore, Store, StoreError, Transaction};
use std::fs;

async fn filled(lab: &Lab) -> PostgresStore {
    let store = lab.open().await;
    for number in 1..150 {
        let mut node = node(number);
        node.description = Some("a rack, a shelf, a slot. ".repeat(300));
        store.commit(Transaction::new().put(&node)).await.unwrap();
    }
    store
}

async fn fine(store: &PostgresStore) {
    let report = check(store).await.unwrap();
    assert_eq!((report.found, &report.findings), (0, &Vec::new()));
    assert!(report.records > 0 && report.entries > report.records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_and_comes_back_into_a_file() {
    let lab = Lab::start(&[]);
    let store = filled(&lab).await;
    fine(&store).await;
    let mut backup = Backup::begin(&store).await.unwrap();
    let later = node(200);
    store.commit(Transaction::new().put(&later)).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let more = backup.next().await.unwrap();
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    store
        .commit(Transaction::new().delete(later.key()))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (
        folder.path().join("backup"),
        folder.path().join("store.key"),
    );
    fs::write(&file, bytes).unwrap();
    fs::copy(lab.key(), &key).unwrap();
    let restored = RedbStore::open(folder.path().join("ferric.redb")).unwrap();
    restore(&file, &key, &restored).await.unwrap();
    compare(&store, &restored).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_what_is_wrong() {
    let lab = Lab::start(&[]);
    let store = filled(&lab).await;
    lab.server.psql(
        &lab.database,
        "DELETE FROM ferric_fields WHERE field = 'driver' AND place = 3; \
         UPDATE ferric_records SET document = (SELECT document FROM ferric_records WHERE place = 4) WHERE place = 5",
    );
    let report = check(&store).await.unwrap();
    assert_eq!(report.found, 2, "{:?}", report.findings);
    let text = format!("{:?}", report.findings);
    assert!(text.contains("the entry for number 3 is missing"), "{text}");
    assert!(text.contains("does not open"), "{text}");
}

/// Processes on other hosts have key files of their own: one has been given the next key, one has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_follow_a_change_of_the_key_and_seal_nothing_by_the_old_one() {
    let lab = Lab::start(&[]);
    let here = filled(&lab).await;
    ferric_store::upkeep::prepare_key(&lab.key()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (told, untold) = (folder.path().join("told"), folder.path().join("untold"));
    let text = fs::read_to_string(lab.key()).unwrap();
    fs::write(&told, &text).unwrap();
    fs::write(&untold, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let with = PostgresStore::open(&lab.url(), &told).await.unwrap();
    let without = PostgresStore::open(&lab.url(), &untold).await.unwrap();

    let writing = async {
        for number in 2..60 {
            let mut node = node(number);
            node.description = Some("changed".to_owned());
            with.commit(Transaction::new().put(&node)).await.unwrap();
        }
    };
    let (changed, ()) = tokio::join!(change_key(&here), writing);
    assert!(changed.unwrap().resealed > 0);
    fine(&here).await;

    // The one that does not have it can wait for it, and goes on as soon as it has it.
    let refused = without.commit(Transaction::new().put(&node(7))).await;
    assert!(
        matches!(refused, Err(StoreError::Away { .. })),
        "{refused:?}"
    );
    let refused = without.get(&node(1).key()).await;
    assert!(
        matches!(refused, Err(StoreError::Away { .. })),
        "{refused:?}"
    );
    fs::copy(lab.key(), &untold).unwrap();
    without
        .commit(Transaction::new().put(&node(7)))
        .await
        .unwrap();
    assert!(without.get(&node(1).key()).await.unwrap().is_some());

    // Nothing is left that needs the old key.
    let first = fs::read_to_string(lab.key()).unwrap();
    fs::write(lab.key(), format!("{}\n", first.lines().next().unwrap())).unwrap();
    drop(here);
    fine(&lab.open().await).await;
}
