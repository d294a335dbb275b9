//! A transaction as a value, and a query as a value.

use crate::StoreError;
use crate::record::{Entity, FieldValue, Key, Record, Revision, Table};
use ferric_model::event::TimelineEvent;
use ferric_model::ids::{Epoch, NodeId};
use std::fmt;
use std::sync::Arc;

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
    /// Room for those that were seen with this value and for no other: whoever goes by what he has seen is refused when
    /// one more has come since.
    pub fn as_seen(table: Table, field: &'static str, value: FieldValue, seen: usize) -> Self {
        Self {
            table,
            filters: vec![(field, vec![value])],
            limit: seen.saturating_add(1),
        }
    }

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
    /// As [`Entity::sealed_fields`].
    pub sealed_fields: Vec<FieldValue>,
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
            sealed_fields: entity.sealed_fields(),
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

    /// Whether it makes room in the store.
    pub(crate) fn deletes(&self) -> bool {
        !self.delete.is_empty() || !self.forget.is_empty()
    }
}

/// A list by indexed fields.
#[derive(Clone, Debug)]
pub struct Query {
    pub table: Table,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// What no index can be asked for; all must hold as well.
    pub checks: Vec<Check>,
    /// `None`: in the order of creation.
    pub sort: Option<String>,
    pub order: SortOrder,
    /// Start behind the record with this id.
    pub marker: Option<String>,
    pub limit: usize,
    /// The fields that outlines are to have; `None`: all.
    pub wanted: Option<Vec<&'static str>>,
}

/// Records of which one of these fields has one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub fields: Vec<String>,
    pub values: Vec<FieldValue>,
}

/// Records of which the values of some fields are found good, whatever that means: each is asked about, so that it costs
/// the more the fewer are.
#[derive(Clone)]
pub struct Check {
    pub(crate) fields: &'static [&'static str],
    holds: Arc<Holds>,
}

type Holds = dyn Fn(&[&FieldValue]) -> bool + Send + Sync;

impl Check {
    /// `holds` is given the values in the order of `fields`, of which there is one at least; it may be asked more than once.
    pub fn new(
        fields: &'static [&'static str],
        holds: impl Fn(&[&FieldValue]) -> bool + Send + Sync + 'static,
    ) -> Self {
        debug_assert!(!fields.is_empty(), "what looks at nothing filters nothing");
        Self {
            fields,
            holds: Arc::new(holds),
        }
    }

    pub(crate) fn holds(&self, values: &[&FieldValue]) -> bool {
        (self.holds)(values)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Check({})", self.fields.join(", "))
    }
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
            checks: Vec::new(),
            sort: None,
            order: SortOrder::Ascending,
            marker: None,
            limit: usize::MAX,
            wanted: None,
        }
    }

    /// A field with several values matches any of them.
    #[must_use]
    pub fn filter(self, field: &str, values: Vec<FieldValue>) -> Self {
        self.filter_any(&[field], values)
    }

    /// Of these fields one is enough.
    #[must_use]
    pub fn filter_any(mut self, fields: &[&str], values: Vec<FieldValue>) -> Self {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.filters.push(Filter { fields, values });
        self
    }

    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Outlines with these fields only.
    #[must_use]
    pub fn want(mut self, fields: Vec<&'static str>) -> Self {
        self.wanted = Some(fields);
        self
    }

    /// The places of the fields that outlines are to have, in the order of the table.
    pub(crate) fn wanted_places(&self) -> Result<Vec<usize>, StoreError> {
        self.table.places(self.wanted.as_deref())
    }

    /// Whether it is about the whole table, in the order of creation.
    pub(crate) fn is_plain(&self) -> bool {
        self.filters.is_empty() && self.checks.is_empty() && self.sort.is_none()
    }

    /// Unknown names are errors, whatever the others match.
    pub(crate) fn check_names(&self) -> Result<(), StoreError> {
        let filters = self.filters.iter().flat_map(|filter| &filter.fields);
        let checks = self.checks.iter().flat_map(|check| check.fields);
        let names = filters.map(String::as_str).chain(checks.copied());
        for name in names {
            self.table.field(name)?;
        }
        if let Some(name) = &self.sort {
            self.table.order(name)?;
        }
        self.wanted_places().map(drop)
    }
}

/// What a query found.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub records: Vec<Record>,
}
