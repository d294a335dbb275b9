//! Room that is given back to the disk while the store is in use.

use crate::file::quoting;
use crate::upkeep::{fine, large, open};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::upkeep::{Scope, Upkeep};
use ferric_store::{EventFilter, Key, Store, StoredEvent, Table, Transaction};
use std::fs;
use uuid::Uuid;

fn id(round: u8, number: u8) -> NodeId {
    NodeId(Uuid::from_u128(
        (u128::from(round) << 8) | u128::from(number),
    ))
}

fn key(round: u8, number: u8) -> Key {
    Key::new(Table::Node, id(round, number))
}

async fn delete(store: &impl Store, round: u8) {
    for number in 0..=u8::MAX {
        let delete = Transaction::new().delete(key(round, number));
        store.commit(delete).await.unwrap();
    }
}

/// Nobody has to stop for it; who reads meanwhile, for however long, is not disturbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_is_given_back_while_others_read_and_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferric.redb");
    let length = || fs::metadata(&file).unwrap().len();
    let store = open(folder.path());
    for number in 0..=u8::MAX {
        for round in 0..4 {
            let node = Node {
                uuid: id(round, number),
                name: Some(format!("{round}-{number}")),
                ..large(number)
            };
            store.commit(Transaction::new().put(&node)).await.unwrap();
        }
    }
    assert_eq!(store.give_back().await.unwrap(), 0, "nothing was deleted");
    let before = length();
    delete(&store, 0).await;
    delete(&store, 1).await;
    delete(&store, 2).await;
    let mut snapshot = store.snapshot(Scope::Documents).await.unwrap();
    assert_eq!(store.give_back().await.unwrap(), 0, "it is being read");
    while !snapshot.next().await.unwrap().is_empty() {}
    drop(snapshot);
    let working = async {
        for number in 0..=u8::MAX {
            let record = store.get(&key(3, number)).await.unwrap().unwrap();
            let node = record.decode::<Node>().unwrap();
            store.commit(Transaction::new().put(&node)).await.unwrap();
        }
    };
    let (given, ()) = tokio::join!(store.give_back(), working);
    assert!(given.unwrap() > 0);
    assert!(length() < before, "{} of {before}", length());
    assert_eq!(store.give_back().await.unwrap(), 0);
    fine(&store).await;
    for number in 0..=u8::MAX {
        assert!(store.get(&key(3, number)).await.unwrap().is_some());
    }
}

const NODES: u64 = 64;
const ROUNDS: u64 = 700;
/// Of the events of each node.
const KEPT: u64 = ROUNDS / 4;

fn event(number: u64) -> TimelineEvent {
    TimelineEvent {
        node: NodeId(Uuid::from_u128(u128::from(number) + 1)),
        ..quoting()
    }
}

/// Notes in which nothing can be packed.
fn notes() -> impl FnMut() -> What {
    let mut random = 1_u64;
    move || {
        let letters = std::iter::repeat_with(|| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'0' + u8::try_from((random >> 40) % 64).unwrap())
        });
        let text = letters.take(300).collect();
        What::Note { text }
    }
}

/// An event of each node in each round.
async fn write_timelines(store: &impl Store) {
    let mut note = notes();
    for _ in 0..ROUNDS {
        let all = (0..NODES).fold(Transaction::new(), |all, number| {
            let what = note();
            all.event(TimelineEvent {
                what,
                ..event(number)
            })
        });
        store.commit(all).await.unwrap();
    }
}

async fn trim_timelines(store: &impl Store) {
    let newest_gone = NODES * (ROUNDS - KEPT);
    for number in 0..NODES {
        let forget = Transaction::new().forget(event(number).node, newest_gone);
        store.commit(forget).await.unwrap();
    }
}

async fn timelines(store: &impl Store) -> Vec<Vec<StoredEvent>> {
    let mut timelines = Vec::new();
    for number in 0..NODES {
        let filter = EventFilter {
            node: Some(event(number).node),
            ..EventFilter::default()
        };
        timelines.push(store.events(&filter).await.unwrap());
    }
    timelines
}

/// Timelines that are trimmed are all over the file: pages are left that hardly hold anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_of_long_timelines_is_given_back_when_they_are_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferric.redb");
    let length = || fs::metadata(&file).unwrap().len();
    let store = open(folder.path());
    store
        .commit(Transaction::new().put(&large(1)))
        .await
        .unwrap();
    write_timelines(&store).await;
    let before = length();
    trim_timelines(&store).await;
    let expected = timelines(&store).await;
    let is_trimmed = |events: &Vec<StoredEvent>| events.len() as u64 == KEPT;
    assert!(expected.iter().all(is_trimmed));
    assert!(store.give_back().await.unwrap() > 0);
    assert!(length() < before / 2, "{before}, now {}", length());
    assert!(timelines(&store).await == expected);
    fine(&store).await;
    let given = length();
    for _ in 0..50 {
        let more = Transaction::new().event(event(0));
        store.commit(more).await.unwrap();
    }
    assert_eq!(length(), given, "what follows finds room in the file");
    drop(store);
    let store = open(folder.path());
    assert_eq!(
        store.events(&EventFilter::default()).await.unwrap().len() as u64,
        NODES * KEPT + 50
    );
}
