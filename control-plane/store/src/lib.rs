//! The store: transactions as values, reads by key and by indexed field. Nobody else knows redb or SQL.
//!
//! Knows no HTTP and no conductor. A commit is checked and applied whole or not at all, and may be repeated by the
//! implementation; so a transaction can span no call to a BMC or an agent.

mod bulk_entities;
mod check;
pub mod conformance;
mod entities;
mod key_file;
pub mod memory_store;
mod node_entity;
mod open_error;
mod packing;
pub mod postgres_store;
pub mod record;
pub mod redb_store;
mod rows;
mod seal;
pub mod transaction;
pub mod transfer;
pub mod upkeep;
mod value;

use async_trait::async_trait;
pub use memory_store::MemoryStore;
pub use open_error::OpenError;
pub use postgres_store::{DatabaseUrl, PostgresStore};
pub use record::{Entity, FieldValue, Key, Outline, Record, Revision, Table, ValueRef, value_of};
pub use redb_store::RedbStore;
pub use rows::{Rows, WriteRow};
use std::sync::Arc;
pub use transaction::{
    Check, Expectation, Filter, Forget, Page, Query, Room, SortOrder, Transaction,
};

/// Why a store call failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote in between: read again and decide again.
    #[error("{key} has changed: expected {expected}, found {found}")]
    Stale {
        key: Key,
        expected: String,
        found: String,
    },
    /// A value that must be unique is another record's already.
    #[error("{field} {value} is already in use by {holder}")]
    NotUnique {
        table: Table,
        field: &'static str,
        value: String,
        holder: String,
    },
    /// As many records as may have certain values have them: nothing was written, and there may be room later.
    #[error("{limit} records or more stand where fewer than that are allowed")]
    NoRoom { limit: usize },
    #[error("reading {key}")]
    Corrupt {
        key: Key,
        #[source]
        source: serde_json::Error,
    },
    #[error("{0} is not a field that {1:?} can be queried or sorted by")]
    NoSuchField(String, Table),
    #[error("the marker {0} names no record")]
    NoSuchMarker(String),
    /// The store cannot be opened; the sentence says what to do about it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database server is not there or has no time for us, or the disk is full: nothing is wrong with what was asked. Of
    /// a commit this does not say whether it was done: read before doing it again.
    #[error(
        "the store cannot do it now ({doing}): try again in a moment, and see to its database server or its disk if it lasts"
    )]
    Away {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{doing}")]
    Backend {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What both stores can do; one conformance suite runs against each.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies a transaction whole. Answers the revision that every record put now has.
    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError>;

    /// Whether no other process can have the store open: whoever has written into it before is dead.
    fn is_exclusive(&self) -> bool;

    /// The record, or `None`.
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// As `get`, but of the fields beside the document only those that are named here.
    async fn get_with(
        &self,
        key: &Key,
        wanted: &'static [&'static str],
    ) -> Result<Option<Record>, StoreError> {
        let mut found = self.get(key).await?;
        if let Some(record) = &mut found {
            record.fields.retain(|(name, _)| wanted.contains(name));
        }
        Ok(found)
    }

    /// The same without the document.
    async fn outline(
        &self,
        key: &Key,
        wanted: &'static [&'static str],
    ) -> Result<Option<Outline>, StoreError> {
        let found = self.get_with(key, wanted).await?;
        Ok(found.map(Outline::from))
    }

    /// Those of the records that there are, in the order of their keys.
    async fn get_each(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        // Where a call costs nothing, as in tests; real stores read them at once.
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            records.extend(self.get(key).await?);
        }
        Ok(records)
    }

    /// Records that match, in order, at most `query.limit`.
    async fn page(&self, query: &Query) -> Result<Page, StoreError>;

    /// As `page`, but of each record only what stands in the head, and of that what is wanted: for those who count, or choose
    /// among all nodes.
    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError>;

    /// What `outlines` finds, written behind `text`.
    async fn rows(
        &self,
        query: &Query,
        writer: Arc<dyn WriteRow>,
        text: Vec<u8>,
    ) -> Result<Rows, StoreError> {
        let outlines = self.outlines(query).await?;
        Ok(Rows::of(&outlines, writer.as_ref(), &text))
    }

    /// Puts what a release that knew fewer fields has written into the indexes of this one: until that is done no list
    /// by such a field shows it. Answers how many records there were.
    async fn complete_indexes(&self) -> Result<usize, StoreError> {
        // Whoever has a store alone did that when it opened it.
        Ok(0)
    }

    /// The clock that all who share the store go by; `None` where that is the process's own.
    async fn clock(&self) -> Result<Option<jiff::Timestamp>, StoreError> {
        Ok(None)
    }

    /// Timeline events of a node (or of all), oldest first, with a sequence number above `after`.
    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError>;

    /// The number of the event that was committed last, 0 before the first one. It may be forgotten by now.
    async fn newest_event(&self) -> Result<u64, StoreError> {
        // Where there are few of them, as in tests; real stores keep the number.
        let events = self.events(&EventFilter::default()).await?;
        Ok(events.last().map_or(0, |newest| newest.sequence))
    }

    /// Gives the room of what was deleted back to the file system where that is worth it. Answers how many bytes that were.
    /// Others may have to wait for a few seconds meanwhile.
    async fn give_back(&self) -> Result<u64, StoreError> {
        // A database server does that by itself.
        Ok(0)
    }
}

/// Which events to read. The default is all of them.
#[derive(Clone, Debug)]
pub struct EventFilter {
    pub node: Option<ferric_model::ids::NodeId>,
    pub after: u64,
    pub limit: usize,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            node: None,
            after: 0,
            limit: usize::MAX,
        }
    }
}

/// An event with its place in the order of commits.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    pub sequence: u64,
    pub event: ferric_model::event::TimelineEvent,
}
