//! Power cuts at every kind of moment. What a store acknowledged must be there afterwards, and nothing half.

use crate::disk::{Dice, Disk};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::node::Node;
use ferric_store::conformance::node;
use ferric_store::{
    Entity, EventFilter, FieldValue, Query, RedbStore, Store, StoreError, Table, Transaction,
};
use jiff::Timestamp;
use uuid::Uuid;

const KEY: [u8; 32] = [3; 32];
const SEEDS: u64 = 60;
/// Records that each transaction writes: all or none of them have its number.
const RECORDS: u8 = 3;

/// A transaction that leaves its number in each record, in an index, and on the timeline.
fn transaction(number: u32) -> Transaction {
    let mut transaction = Transaction::new();
    for record in 0..RECORDS {
        let mut node = node(record);
        node.power_sync_failures = number;
        node.resource_class = Some(format!("round {number}"));
        // Documents grow and shrink, so that pages split and merge.
        let length = usize::try_from(number % 7).unwrap() * 900;
        node.description = Some("x".repeat(length));
        transaction = transaction.put(&node);
    }
    // A record that is there in every second round only.
    transaction = match number % 2 {
        0 => transaction.delete(node(200).key()),
        _ => transaction.put(&node(200)),
    };
    transaction.event(TimelineEvent {
        id: Uuid::from_u128(u128::from(number)),
        node: node(0).uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: "c1".to_owned(),
        run: None,
        bulk: None,
        what: What::Enrolled,
    })
}

/// Commits until the power fails. Answers the number of the last transaction that was acknowledged.
async fn work(disk: &Disk, first: u32) -> Result<u32, StoreError> {
    let mut acknowledged = first - 1;
    let store = RedbStore::over(disk.clone(), &KEY)?;
    for number in first..first + 40 {
        if store.commit(transaction(number)).await.is_err() {
            break;
        }
        acknowledged = number;
    }
    Ok(acknowledged)
}

/// What the store holds: the number of the one transaction whose traces are all there and no others.
async fn number_found(store: &RedbStore) -> u32 {
    let all = store.page(&Query::all(Table::Node)).await.unwrap();
    let mut numbers = Vec::new();
    for record in &all.records {
        if record.key != node(200).key() {
            numbers.push(record.decode::<Node>().unwrap().power_sync_failures);
        }
    }
    let number = numbers.first().copied().unwrap_or(0);
    let whole = vec![number; if number == 0 { 0 } else { usize::from(RECORDS) }];
    assert_eq!(numbers, whole, "a transaction was torn");
    let odd = store.get(&node(200).key()).await.unwrap();
    assert_eq!(odd.is_some(), number % 2 == 1, "round {number}");
    let class = FieldValue::Text(format!("round {number}"));
    let indexed = Query::all(Table::Node).filter("resource_class", vec![class]);
    let indexed = store.page(&indexed).await.unwrap().records;
    assert_eq!(indexed.len(), whole.len(), "index and records differ");
    let events = store.events(&EventFilter::default()).await.unwrap();
    let ids = events.iter().map(|event| event.event.id.as_u128());
    assert!(ids.eq(1..=u128::from(number)), "the timeline has a gap");
    number
}

/// Four cuts of one disk. Answers how many transactions it came to.
async fn survive(seed: u64) -> u32 {
    let mut dice = Dice::new(seed);
    let mut disk = Disk::default();
    // A database gets its name when it is whole, so the power does not fail while it is made.
    drop(RedbStore::over(disk.clone(), &KEY).unwrap());
    let mut found = 0;
    for cut in 0..4 {
        let changes = 1 + dice.below(200);
        disk.fail_after(changes);
        // Opening can fail too: the power may go while the last cut is repaired.
        let acknowledged = work(&disk, found + 1).await.unwrap_or(found);
        disk = disk.after_power_cut(&mut dice);
        let store = RedbStore::over(disk.clone(), &KEY)
            .unwrap_or_else(|error| panic!("seed {seed}, cut {cut}: {error:?}"));
        found = number_found(&store).await;
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "seed {seed}, cut {cut}: {acknowledged} was acknowledged, {found} was found"
        );
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    let mut rounds = 0;
    for seed in 0..SEEDS {
        rounds += survive(seed).await;
    }
    assert!(rounds > 500, "the power failed too early to test much");
}
