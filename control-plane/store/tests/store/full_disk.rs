//! A disk that gets full, a real one: a small file system in memory, which only a process of its own sees.

use ferric_model::node::Node;
use ferric_store::conformance::node;
use ferric_store::{Entity, Query, RedbStore, Store, StoreError, Table, Transaction};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// In the process that has the small disk: where it is.
const PLACE: &str = "FERRIC_TEST_SMALL_DISK";
const SIZE: &str = "size=6m";
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test of this file again, in a process with a small disk. Answers whether that was done here.
#[expect(
    clippy::disallowed_methods,
    reason = "the test itself is the program, and its mounts must be nobody else's"
)]
fn ran_on_a_small_disk(test: &str) -> bool {
    if std::env::var_os(PLACE).is_some() {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o \"$1\" none \"$2\" && shift 2 && exec \"$@\"")
        .args(["sh", SIZE])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLACE, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}{errors}");
    true
}

fn place() -> PathBuf {
    PathBuf::from(std::env::var_os(PLACE).unwrap())
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = [0x55; 4096];
    while file.write_all(&block).is_ok() {}
}

fn large(number: u8) -> Node {
    let mut random = u64::from(number) + 1;
    let mut node = node(number);
    // Nothing that can be packed.
    let text = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'0' + u8::try_from((random >> 40) % 64).unwrap())
    });
    node.description = Some(text.take(100_000).collect());
    node
}

async fn nodes(store: &RedbStore) -> Vec<Node> {
    let page = store.page(&Query::all(Table::Node)).await.unwrap();
    let records = page.records.iter();
    records.map(|record| record.decode().unwrap()).collect()
}

fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_writes_only_and_only_until_there_is_room() {
    let name = "full_disk::a_full_disk_stops_writes_only_and_only_until_there_is_room";
    if ran_on_a_small_disk(name) {
        return;
    }
    let (file, filler) = (place().join("ferric.redb"), place().join("filler"));
    let store = RedbStore::open(&file).unwrap();
    let mut there = Vec::new();
    for number in 0..5 {
        let large = large(number);
        store.commit(Transaction::new().put(&large)).await.unwrap();
        there.push(large);
    }
    for round in 0..3_u8 {
        fill(&filler);
        let mut refused = 0;
        for number in 0..30 {
            let next = large(10 + round * 60 + number);
            match store.commit(Transaction::new().put(&next)).await {
                Ok(_) => there.push(next),
                Err(error) => {
                    let text = told(&error);
                    assert!(matches!(error, StoreError::Away { .. }), "{text}");
                    if refused == 0 {
                        println!("round {round}: {number} were taken, then: {text}");
                        assert!(text.contains("its disk is full"), "{text}");
                    }
                    refused += 1;
                }
            }
            assert!(nodes(&store).await == there, "reads go on");
        }
        assert!(refused > 0, "the disk did not get full");
        std::fs::remove_file(&filler).unwrap();
        let next = large(10 + round * 60 + 50);
        let (started, mut tried) = (Instant::now(), 0);
        while let Err(error) = store.commit(Transaction::new().put(&next)).await {
            let text = told(&error);
            assert!(matches!(error, StoreError::Away { .. }), "{text}");
            assert!(started.elapsed() < PATIENCE, "{text}");
            tried += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("round {round}: {refused} refused, taken again after {tried} more");
        there.push(next);
        assert!(nodes(&store).await == there);
    }
    drop(store);
    let store = RedbStore::open(&file).unwrap();
    assert!(nodes(&store).await == there, "nothing was lost or torn");
    for node in &there {
        let record = store.get(&node.key()).await.unwrap();
        assert!(record.is_some());
    }
}
