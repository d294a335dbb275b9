//! What every store must do, as code that runs against any of them. A check panics with what was wrong.
//!
//! `Reference` is the same contract as a model: slow, obvious, in memory; the fuzzers compare the stores with it.

mod bulk;
mod choices;
mod concurrency;
mod events;
mod expectations;
mod queries;
mod random;
mod records;
mod reference;
mod unique;

use crate::{Entity, Page, Query, Record, Revision, Store, StoreError, Transaction};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use jiff::Timestamp;
pub use random::agrees_with_the_model;
pub use reference::Reference;
use uuid::Uuid;

/// Random histories, and how long each of them is.
const MODEL_SEEDS: u64 = 4;
const MODEL_STEPS: u32 = 60;

/// Runs every check, each on a store of its own.
pub async fn run<S: Store>(fresh: impl AsyncFn() -> S) {
    records::what_was_put_is_read(&fresh().await).await;
    records::a_record_keeps_its_place_until_it_is_deleted(&fresh().await).await;
    records::the_last_of_two_puts_counts(&fresh().await).await;
    records::what_lies_beside_a_node_goes_with_it(&fresh().await).await;
    records::several_are_read_in_the_order_of_their_keys(&fresh().await).await;
    expectations::a_revision_must_hold(&fresh().await).await;
    expectations::a_record_must_be_absent(&fresh().await).await;
    expectations::a_stale_epoch_writes_nothing(&fresh().await).await;
    expectations::a_refused_transaction_leaves_no_trace(&fresh().await).await;
    expectations::a_room_takes_as_many_as_it_holds(&fresh().await).await;
    expectations::what_was_not_seen_leaves_no_room(&fresh().await).await;
    expectations::of_many_at_one_revision_one_wins(&fresh().await).await;
    unique::a_taken_value_is_refused_with_its_holder(&fresh().await).await;
    unique::null_collides_with_nothing(&fresh().await).await;
    unique::values_move_within_a_transaction(&fresh().await).await;
    queries::filters_hold_together(&fresh().await).await;
    queries::order_and_ties(&fresh().await).await;
    queries::times_sort_as_times(&fresh().await).await;
    queries::pages_join_without_gap(&fresh().await).await;
    queries::few_are_found_among_many(&fresh().await).await;
    bulk::items_are_found_in_their_order(&fresh().await).await;
    queries::outlines_are_pages_without_documents(&fresh().await).await;
    queries::outlines_have_what_is_wanted(&fresh().await).await;
    queries::rows_are_outlines_that_are_written_at_once(&fresh().await).await;
    queries::a_record_has_the_fields_that_are_wanted(&fresh().await).await;
    choices::one_of_several_fields_is_enough(&fresh().await).await;
    choices::checks_hold_with_filters(&fresh().await).await;
    choices::sealed_fields_are_orders(&fresh().await).await;
    queries::unknown_names_are_errors(&fresh().await).await;
    events::are_read_in_the_order_of_commits(&fresh().await).await;
    events::of_a_node_after_a_number(&fresh().await).await;
    events::old_ones_are_forgotten(&fresh().await).await;
    events::the_newest_has_its_number(&fresh().await).await;
    events::of_a_newer_release_are_read(&fresh().await).await;
    for seed in 0..MODEL_SEEDS {
        agrees_with_the_model(&fresh().await, seed, MODEL_STEPS).await;
    }
    concurrency::writers_lose_nothing(&[&fresh().await]).await;
    concurrency::followers_miss_no_event(&[&fresh().await]).await;
    concurrency::unique_values_have_one_holder(&[&fresh().await]).await;
    concurrency::the_last_place_is_given_away_once(&[&fresh().await]).await;
}

/// The same for several processes with one database: `fresh` opens a new one that often.
pub async fn run_shared<S: Store>(fresh: impl AsyncFn() -> Vec<S>) {
    fn all<S: Store>(stores: &[S]) -> Vec<&dyn Store> {
        stores.iter().map(|store| store as &dyn Store).collect()
    }
    concurrency::writers_lose_nothing(&all(&fresh().await)).await;
    concurrency::followers_miss_no_event(&all(&fresh().await)).await;
    concurrency::unique_values_have_one_holder(&all(&fresh().await)).await;
    concurrency::the_last_place_is_given_away_once(&all(&fresh().await)).await;
}

/// A node whose UUID ends in this number.
pub fn node(number: u8) -> Node {
    let uuid = Uuid::from_u128(0x1000 + u128::from(number));
    Node::new(NodeId(uuid), "fake-hardware", Timestamp::UNIX_EPOCH)
}

async fn committed(store: &dyn Store, transaction: Transaction) -> Revision {
    let outcome = store.commit(transaction).await;
    outcome.expect("this transaction may not be refused")
}

async fn stored<E: Entity>(store: &dyn Store, entity: &E) -> Record {
    let record = store.get(&entity.key()).await.expect("reading works");
    record.expect("the record is there")
}

async fn page(store: &dyn Store, query: &Query) -> Page {
    store.page(query).await.expect("the query is a good one")
}

/// The last digits of the UUIDs on a page.
fn numbers(page: &Page) -> Vec<u8> {
    let ids = page.records.iter().map(|record| &record.key.id);
    ids.map(|id| {
        let uuid: Uuid = id.parse().expect("these ids are UUIDs");
        uuid.as_bytes()[15]
    })
    .collect()
}

fn assert_stale<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::Stale { .. })),
        "stale was expected, not {outcome:?}"
    );
}
