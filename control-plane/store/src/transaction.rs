//! A transaction as a value, and a query as a value.

use crate::record::{Entity, FieldValue, Key, Record, Revision, Table};
use ferric_model::event::TimelineEvent;
use ferric_model::ids::{Epoch, NodeId};

/// What is to be checked and written, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub expect: Vec<Expectation>,
    pub put: Vec<Put>,
    pub delete: Vec<Key>,
    pub forget: Vec<Forget>,
    pub events: Vec<TimelineEvent>,
}

/// Events to remove: those of a node up to a sequence number, that one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    pub node: NodeId,
    pub up_to: u64,
}

/// What must hold at the moment of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The record stands at this revision.
    Revision(Key, Revision),
    /// There is no such record.
    Absent(Key),
    /// The node is owned at this epoch, or by nobody yet: a conductor that lost it writes nothing.
    Epoch(Key, Epoch),
    /// There is room for one more.
    Room(Room),
}

/// A bound on how many records may have certain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub table: Table,
    /// As in [`Query::filters`]: all must hold, with any of its values each.
    pub filters: Vec<(&'static str, Vec<FieldValue>)>,
    /// There is room as long as fewer than this stand in the store, before the transaction writes.
    pub limit: usize,
}

impl Room {
    /// What fills it, up to the limit.
    pub fn query(&self) -> Query {
        let filters = self.filters.iter();
        let query = filters.fold(Query::all(self.table), |query, (field, values)| {
            query.filter(field, values.clone())
        });
        Query {
            limit: self.limit,
            ..query
        }
    }
}

/// A document to store, taken apart so that the store needs no types.
#[derive(Clone, Debug)]
pub struct Put {
    pub key: Key,
    pub document: Vec<u8>,
    pub fields: Vec<(&'static str, FieldValue)>,
    pub unique: &'static [&'static str],
    /// Set for nodes: the epoch in the document, for `Expectation::Epoch`.
    pub epoch: Option<Epoch>,
}

impl Transaction {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn expect(mut self, expectation: Expectation) -> Self {
        self.expect.push(expectation);
        self
    }

    /// Adds a document, as it is to stand afterwards.
    #[must_use]
    pub fn put<E: Entity>(mut self, entity: &E) -> Self {
        let document = serde_json::to_vec(entity).expect("our own types serialise to JSON");
        let (fields, unique) = (entity.fields(), E::UNIQUE);
        self.put.push(Put {
            key: entity.key(),
            document,
            fields,
            unique,
            epoch: entity.epoch(),
        });
        self
    }

    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.delete.push(key);
        self
    }

    /// Removes old events of a node; those of this transaction stay.
    #[must_use]
    pub fn forget(mut self, node: NodeId, up_to: u64) -> Self {
        self.forget.push(Forget { node, up_to });
        self
    }

    #[must_use]
    pub fn event(mut self, event: TimelineEvent) -> Self {
        self.events.push(event);
        self
    }
}

/// A list by indexed fields.
#[derive(Clone, Debug)]
pub struct Query {
    pub table: Table,
    /// All must hold; a field with several values matches any of them.
    pub filters: Vec<(String, Vec<FieldValue>)>,
    /// `None`: in the order of creation.
    pub sort: Option<String>,
    pub order: SortOrder,
    /// Start behind the record with this id.
    pub marker: Option<String>,
    pub limit: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    #[default]
    Ascending,
    Descending,
}

impl Query {
    /// Everything of a table, in the order of creation.
    pub fn all(table: Table) -> Self {
        Self {
            table,
            filters: Vec::new(),
            sort: None,
            order: SortOrder::Ascending,
            marker: None,
            limit: usize::MAX,
        }
    }

    #[must_use]
    pub fn filter(mut self, field: &str, values: Vec<FieldValue>) -> Self {
        self.filters.push((field.to_owned(), values));
        self
    }
}

/// What a query found.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub records: Vec<Record>,
}
