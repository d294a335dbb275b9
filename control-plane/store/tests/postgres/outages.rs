//! The server is killed, restarted, cut off. Calls end within a bound and say that the store is away; afterwards all goes on,
//! and what was acknowledged is there.

use crate::Lab;
use crate::proxy::Proxy;
use crate::server::FullAt;
use ferric_model::event::{TimelineEvent, What};
use ferric_store::conformance::node;
use ferric_store::{
    Entity, EventFilter, PostgresStore, Query, Store, StoreError, Table, Transaction,
};
use std::error::Error;
use std::time::{Duration, Instant};

/// A call ends in ten seconds, and this machine may be slow.
const BOUND: Duration = Duration::from_secs(20);

fn assert_away<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::Away { .. })),
        "the store is away, not {outcome:?}"
    );
}

async fn all_calls_say_so(store: &PostgresStore) {
    let started = Instant::now();
    assert_away(&store.commit(Transaction::new().put(&node(9))).await);
    assert_away(&store.get(&node(1).key()).await);
    assert_away(&store.page(&Query::all(Table::Node)).await);
    assert_away(&store.outlines(&Query::all(Table::Node)).await);
    assert_away(&store.events(&EventFilter::default()).await);
    assert_away(&store.clock().await);
    assert!(started.elapsed() < 6 * BOUND);
}

#[tokio::test]
async fn a_killed_server_is_found_again() {
    let mut lab = Lab::start(&[]);
    let store = lab.open().await;
    let first = store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    for number in 2..4 {
        lab.server.kill();
        all_calls_say_so(&store).await;
        lab.server.restart();
        // Every connection that the pool has is broken: not one call may pay for it.
        let record = store.get(&node(1).key()).await.unwrap();
        assert_eq!(record.unwrap().revision, first);
        let next = store.commit(Transaction::new().put(&node(number))).await;
        assert!(next.unwrap() > first, "counters go on");
    }
}

/// A restart between two calls is nobody's business.
#[tokio::test]
async fn a_restart_between_two_calls_is_not_noticed() {
    let mut lab = Lab::start(&[]);
    let store = lab.open().await;
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    for number in 2..5 {
        lab.server.kill();
        lab.server.restart();
        store
            .commit(Transaction::new().put(&node(number)))
            .await
            .unwrap();
        lab.server.kill();
        lab.server.restart();
        let page = store.page(&Query::all(Table::Node)).await.unwrap();
        assert_eq!(page.records.len(), usize::from(number));
    }
}

#[tokio::test]
async fn a_server_that_is_cut_off_holds_nobody_for_long() {
    let lab = Lab::start(&[]);
    let proxy = Proxy::to(lab.server.port()).await;
    let url = format!(
        "postgresql://postgres@127.0.0.1:{}/{}",
        proxy.port, lab.database
    );
    let store = PostgresStore::open(&url.parse().unwrap(), lab.key())
        .await
        .unwrap();
    store
        .commit(Transaction::new().put(&node(1)))
        .await
        .unwrap();
    proxy.cut(true);
    let started = Instant::now();
    let (written, read) = tokio::join!(store.commit(Transaction::new().put(&node(2))), async {
        store.get(&node(1).key()).await
    },);
    assert_away(&written);
    assert_away(&read);
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    proxy.cut(false);
    // The silent connections are closed, not lent again.
    let record = store.get(&node(1).key()).await.unwrap();
    assert!(record.is_some());
    store
        .commit(Transaction::new().put(&node(3)))
        .await
        .unwrap();
}

/// Writers that a kill interrupts are told; what they were told is true afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let mut lab = Lab::start(&[]);
    let store = std::sync::Arc::new(lab.open().await);
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..8_u8 {
        let store = std::sync::Arc::clone(&store);
        writers.spawn(async move {
            let mut node = node(number);
            let mut acknowledged = 0;
            loop {
                node.power_sync_failures += 1;
                match store.commit(Transaction::new().put(&node)).await {
                    Ok(_) => acknowledged = node.power_sync_failures,
                    Err(StoreError::Away { .. }) => return (number, acknowledged),
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    let enough = async {
        loop {
            let page = store.page(&Query::all(Table::Node)).await.unwrap();
            let nodes = page.records.iter();
            let mut counts = nodes.map(|record| {
                let node: ferric_model::node::Node = record.decode().unwrap();
                node.power_sync_failures
            });
            if counts.any(|count| count > 20) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND * 3, enough).await.unwrap();
    lab.server.kill();
    let acknowledged = writers.join_all().await;
    lab.server.restart();
    for (number, acknowledged) in acknowledged {
        let record = store.get(&node(number).key()).await.unwrap();
        let found = record.map_or(0, |record| {
            let node: ferric_model::node::Node = record.decode().unwrap();
            node.power_sync_failures
        });
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "{acknowledged} was acknowledged, {found} was found"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let url = "postgresql://ferric:hunter2@127.0.0.1:1/ferric";
    let state = tempfile::tempdir().unwrap();
    let opened = PostgresStore::open(&url.parse().unwrap(), state.path().join("store.key")).await;
    let error = opened.unwrap_err();
    assert!(matches!(error, StoreError::Open(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("postgresql://ferric@127.0.0.1:1/ferric"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

/// A node with a line on its timeline: it writes to each of the tables.
fn enrolled(number: u8) -> Transaction {
    let node = node(number);
    let event = TimelineEvent {
        id: uuid::Uuid::nil(),
        node: node.uuid,
        at: jiff::Timestamp::UNIX_EPOCH,
        conductor: "c1".to_owned(),
        run: None,
        bulk: None,
        what: What::Enrolled,
    };
    Transaction::new().put(&node).event(event)
}

fn causes(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_full_disk_of_the_server_stops_writes_only_and_only_until_there_is_room() {
    let lab = Lab::start(&[]);
    let store = lab.open().await;
    let mut last = store.commit(enrolled(1)).await.unwrap();
    let mut there = 1_usize;
    for table in [
        "ferric_records",
        "ferric_fields",
        "ferric_events",
        "ferric_counters",
    ] {
        for moment in [FullAt::Write, FullAt::Commit] {
            let context = format!("{table}, {moment:?}");
            lab.server.fill_disk(&lab.database, table, moment);
            let next = u8::try_from(there + 1).unwrap();
            for _ in 0..3 {
                let refused = store.commit(enrolled(next)).await;
                assert_away(&refused);
                let said = causes(&refused.unwrap_err());
                assert!(said.contains("No space left on device"), "{said}");
                let page = store.page(&Query::all(Table::Node)).await.unwrap();
                assert_eq!(page.records.len(), there, "{context}");
                let events = store.events(&EventFilter::default()).await.unwrap();
                assert_eq!(events.len(), there, "{context}");
                assert!(store.get(&node(next).key()).await.unwrap().is_none());
            }
            lab.server.make_room(&lab.database, table);
            let revision = store.commit(enrolled(next)).await.unwrap();
            assert_eq!(revision.0, last.0 + 1, "{context}: nothing is left behind");
            (last, there) = (revision, there + 1);
        }
    }
}
