//! From one store to another, with nothing lost and a comparison that says so. Revisions and sequences go along, so that
//! every order stays as it is.
//!
//! Both stores are nobody else's meanwhile. A target that a copy was not finished into does not open any more.

use crate::record::{Record, Table};
use crate::transaction::Query;
use crate::{EventFilter, Store, StoreError, StoredEvent, entities};
use async_trait::async_trait;
use ferric_model::ids::Epoch;

/// The last number given to a commit, a record and an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub revision: u64,
    pub sequence: u64,
    pub event: u64,
}

/// A record as it is to stand, with the epoch that is in its document.
#[derive(Clone, Debug)]
pub struct Moved {
    pub record: Record,
    pub epoch: Option<Epoch>,
}

/// The note in a target that a copy is under way into.
pub(crate) const UNFINISHED_COPY: &str = "unfinished copy";

/// Inventories are large: so many of them are in memory at the same time, twice.
const RECORDS: usize = 100;
const EVENTS: usize = 2000;

/// A store that can be copied from and into.
#[async_trait]
pub trait Movable: Store {
    /// For people; without a password.
    fn place(&self) -> String;

    async fn counters(&self) -> Result<Counters, StoreError>;

    /// Notes that what follows is no whole store until it is finished.
    async fn begin_import(&self) -> Result<(), StoreError>;

    async fn import_records(&self, records: Vec<Moved>) -> Result<(), StoreError>;

    async fn import_events(&self, events: Vec<StoredEvent>) -> Result<(), StoreError>;

    /// Sets the counters and takes the note away.
    async fn finish_import(&self, counters: Counters) -> Result<(), StoreError>;
}

/// What was copied and found equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub records: u64,
    pub events: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{0} is not empty: a copy goes into a store that nothing was ever written to")]
    NotEmpty(String),
    #[error("{0} was written to while it was copied: stop ferric, empty the target and copy again")]
    Changed(String),
    #[error("the copy differs from the original in {0}: empty the target and copy again")]
    Differs(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies everything, then compares everything.
///
/// # Errors
/// [`CopyError`] says which side is to blame.
pub async fn copy(from: &dyn Movable, to: &dyn Movable) -> Result<Copied, CopyError> {
    if to.counters().await? != Counters::default() {
        return Err(CopyError::NotEmpty(to.place()));
    }
    let counters = from.counters().await?;
    to.begin_import().await?;
    for table in Table::ALL {
        let mut marker = None;
        loop {
            let records = records(from, *table, marker).await?;
            marker = records.last().map(|record| record.key.id.clone());
            if records.is_empty() {
                break;
            }
            let moved = records.into_iter().map(moved);
            to.import_records(moved.collect::<Result<_, _>>()?).await?;
        }
    }
    let mut after = 0;
    loop {
        let events = events(from, after).await?;
        let Some(last) = events.last() else {
            break;
        };
        after = last.sequence;
        to.import_events(events).await?;
    }
    if from.counters().await? != counters {
        return Err(CopyError::Changed(from.place()));
    }
    let copied = compare(from, to).await?;
    to.finish_import(counters).await?;
    if to.counters().await? != counters {
        return Err(CopyError::Differs("its counters".to_owned()));
    }
    Ok(copied)
}

fn moved(record: Record) -> Result<Moved, StoreError> {
    let epoch = entities::epoch_of(&record.key, &record.document)?;
    Ok(Moved { record, epoch })
}

/// Record by record and event by event, in their order.
///
/// # Errors
/// [`CopyError::Differs`] names the first difference.
pub async fn compare(from: &dyn Movable, to: &dyn Movable) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    for table in Table::ALL {
        let mut marker: Option<String> = None;
        loop {
            let original = records(from, *table, marker.clone()).await?;
            let copy = records(to, *table, marker).await?;
            same_records(*table, &original, &copy)?;
            let Some(last) = original.last() else {
                break;
            };
            marker = Some(last.key.id.clone());
            copied.records += original.len() as u64;
        }
    }
    let mut after = 0;
    loop {
        let original = events(from, after).await?;
        let copy = events(to, after).await?;
        if original != copy {
            let text = format!("the events behind number {after}");
            return Err(CopyError::Differs(text));
        }
        let Some(last) = original.last() else {
            break;
        };
        after = last.sequence;
        copied.events += original.len() as u64;
    }
    Ok(copied)
}

fn same_records(table: Table, original: &[Record], copy: &[Record]) -> Result<(), CopyError> {
    for pair in original.iter().zip(copy) {
        if pair.0 != pair.1 {
            return Err(CopyError::Differs(pair.0.key.to_string()));
        }
    }
    if original.len() != copy.len() {
        return Err(CopyError::Differs(format!(
            "the number of {table:?} records"
        )));
    }
    Ok(())
}

async fn records(
    store: &dyn Movable,
    table: Table,
    marker: Option<String>,
) -> Result<Vec<Record>, StoreError> {
    let query = Query {
        marker,
        limit: RECORDS,
        ..Query::all(table)
    };
    store.page(&query).await.map(|page| page.records)
}

async fn events(store: &dyn Movable, after: u64) -> Result<Vec<StoredEvent>, StoreError> {
    let filter = EventFilter {
        node: None,
        after,
        limit: EVENTS,
    };
    store.events(&filter).await
}
