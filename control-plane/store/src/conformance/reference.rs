//! The contract as a model: one map, read whole for each question.

use crate::transaction::Put;
use crate::{
    Entity, EventFilter, Expectation, FieldValue, Key, Page, Query, Record, Revision, SortOrder,
    StoreError, StoredEvent, Table, Transaction,
};
use ferric_model::ids::Epoch;
use ferric_model::node::Node;
use std::collections::BTreeMap;

/// What a store holds, without any of its means.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    records: BTreeMap<Key, Record>,
    sealed_fields: BTreeMap<Key, Vec<FieldValue>>,
    events: Vec<StoredEvent>,
    revision: u64,
    sequence: u64,
    event: u64,
}

impl Reference {
    /// As [`crate::Store::commit`].
    ///
    /// # Errors
    /// The same refusals as a store's.
    pub fn commit(&mut self, transaction: &Transaction) -> Result<Revision, StoreError> {
        let mut next = self.clone();
        for expectation in &transaction.expect {
            next.expected(expectation)?;
        }
        next.revision += 1;
        for key in &transaction.delete {
            next.records.remove(key);
        }
        for (place, put) in transaction.put.iter().enumerate() {
            let mut later = transaction.put[place + 1..].iter();
            if !later.any(|later| later.key == put.key) {
                next.write(put);
            }
        }
        for put in &transaction.put {
            next.unique(put)?;
        }
        for forget in &transaction.forget {
            let kept = |event: &StoredEvent| {
                event.event.node != forget.node || event.sequence > forget.up_to
            };
            next.events.retain(kept);
        }
        for event in &transaction.events {
            next.event += 1;
            next.events.push(StoredEvent {
                sequence: next.event,
                event: event.clone(),
            });
        }
        *self = next;
        Ok(Revision(self.revision))
    }

    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    /// As [`crate::Store::page`].
    ///
    /// # Errors
    /// [`StoreError::NoSuchMarker`]; unknown fields are not its subject.
    pub fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let place = |record: &Record| {
            let value = query.sort.as_ref().map(|sort| self.sorted_by(record, sort));
            (value, record.sequence)
        };
        let marker = match &query.marker {
            None => None,
            Some(id) => {
                let record = self.records.get(&Key::new(query.table, id));
                Some(
                    record
                        .map(place)
                        .ok_or_else(|| StoreError::NoSuchMarker(id.clone()))?,
                )
            }
        };
        let of_table = self
            .records
            .values()
            .filter(|record| record.key.table == query.table);
        let mut records: Vec<&Record> = of_table.filter(|record| matches(record, query)).collect();
        records.sort_by_key(|record| place(record));
        if query.order == SortOrder::Descending {
            records.reverse();
        }
        records.retain(|record| match (&marker, query.order) {
            (None, _) => true,
            (Some(marker), SortOrder::Ascending) => place(record) > *marker,
            (Some(marker), SortOrder::Descending) => place(record) < *marker,
        });
        records.truncate(query.limit);
        Ok(Page {
            records: records.into_iter().cloned().collect(),
        })
    }

    fn sorted_by(&self, record: &Record, sort: &str) -> FieldValue {
        let mut names = record.key.table.sealed_fields().iter();
        match names.position(|name| *name == sort) {
            Some(place) => self.sealed_fields[&record.key][place].clone(),
            None => field(record, sort).clone(),
        }
    }

    /// As [`crate::Store::events`].
    pub fn events(&self, filter: &EventFilter) -> Vec<StoredEvent> {
        let events = self.events.iter();
        let wanted = |event: &&StoredEvent| {
            event.sequence > filter.after && filter.node.is_none_or(|node| event.event.node == node)
        };
        events.filter(wanted).take(filter.limit).cloned().collect()
    }

    fn expected(&self, expectation: &Expectation) -> Result<(), StoreError> {
        let (key, holds) = match expectation {
            Expectation::Room(room) => {
                let limit = room.limit;
                return match self.page(&room.query())?.records.len() < limit {
                    true => Ok(()),
                    false => Err(StoreError::NoRoom { limit }),
                };
            }
            Expectation::Absent(key) => (key, !self.records.contains_key(key)),
            Expectation::Revision(key, revision) => {
                let record = self.records.get(key);
                (
                    key,
                    record.is_some_and(|record| record.revision == *revision),
                )
            }
            Expectation::Epoch(key, epoch) => {
                let record = self.records.get(key);
                let free_or_same = |record: &Record| match epoch_of(record) {
                    None => true,
                    Some(owned) => owned == *epoch,
                };
                (key, record.is_some_and(free_or_same))
            }
        };
        if holds {
            return Ok(());
        }
        Err(StoreError::Stale {
            key: key.clone(),
            expected: format!("{expectation:?}"),
            found: format!("{:?}", self.records.get(key)),
        })
    }

    fn write(&mut self, put: &Put) {
        let sequence = self.records.get(&put.key).map(|record| record.sequence);
        let sequence = sequence.unwrap_or_else(|| {
            self.sequence += 1;
            self.sequence
        });
        let record = Record {
            key: put.key.clone(),
            revision: Revision(self.revision),
            sequence,
            document: put.document.clone(),
            fields: put.fields.clone(),
        };
        self.records.insert(put.key.clone(), record);
        let sealed = put.sealed_fields.clone();
        self.sealed_fields.insert(put.key.clone(), sealed);
    }

    fn unique(&self, put: &Put) -> Result<(), StoreError> {
        let Some(mine) = self.records.get(&put.key) else {
            return Ok(());
        };
        for name in put.unique {
            let value = field(mine, name);
            let mut others = self.records.values().filter(|other| {
                other.key.table == put.key.table
                    && other.key != put.key
                    && field(other, name) == value
            });
            if let Some(other) = others.next()
                && *value != FieldValue::Null
            {
                return Err(StoreError::NotUnique {
                    table: put.key.table,
                    field: name,
                    value: format!("{value:?}"),
                    holder: other.key.id.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Only nodes have one; read from the document, where the stores keep it beside.
fn epoch_of(record: &Record) -> Option<Epoch> {
    if record.key.table != Table::Node {
        return None;
    }
    let node: Node = record.decode().expect("what was put is a node");
    node.epoch()
}

fn field<'r>(record: &'r Record, name: &str) -> &'r FieldValue {
    let mut fields = record.fields.iter();
    let field = fields.find(|(field, _)| *field == name);
    field.map_or(&FieldValue::Null, |(_, value)| value)
}

fn matches(record: &Record, query: &Query) -> bool {
    let mut filters = query.filters.iter();
    let mut checks = query.checks.iter();
    filters.all(|filter| {
        let mut fields = filter.fields.iter();
        fields.any(|name| filter.values.contains(field(record, name)))
    }) && checks.all(|check| {
        let fields = check.fields.iter();
        check.holds(&fields.map(|name| field(record, name)).collect::<Vec<_>>())
    })
}
