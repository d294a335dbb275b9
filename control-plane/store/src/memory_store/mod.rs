//! A store in memory, for whoever runs many of them for a short time: no file, no thread, and a call never waits.
//!
//! It judges transactions by the same code as the stores that keep something. Clones share what is in it.

mod table;

use crate::check::{self, Standing, View, is_replaced};
use crate::{
    EventFilter, FieldValue, Forget, Key, Outline, Page, Query, Record, Revision, Room, Store,
    StoreError, StoredEvent, Table, Transaction,
};
use async_trait::async_trait;
use ferric_model::ids::NodeId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use table::Rows;

/// Everything is gone with the last clone.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    tables: BTreeMap<Table, Rows>,
    events: BTreeMap<u64, StoredEvent>,
    /// Sequence numbers by node.
    events_of: BTreeMap<NodeId, BTreeSet<u64>>,
    revision: u64,
    sequence: u64,
    event: u64,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Store::commit`], without waiting.
    ///
    /// # Errors
    /// The refusals of every store.
    pub fn apply(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        self.0.lock().commit(transaction)
    }

    /// As [`Store::get`], without waiting.
    pub fn read(&self, key: &Key) -> Option<Record> {
        let content = self.0.lock();
        let row = content.tables.get(&key.table)?.get(&key.id)?;
        Some(row.record(key.table))
    }
}

impl Content {
    fn commit(&mut self, transaction: Transaction) -> Result<Revision, StoreError> {
        check::transaction(self, &transaction)?;
        self.revision += 1;
        let revision = Revision(self.revision);
        for key in &transaction.delete {
            if let Some(rows) = self.tables.get_mut(&key.table) {
                rows.remove(&key.id);
            }
        }
        // Of several documents for one record only the last one counts.
        let puts = 0..transaction.put.len();
        let replaced: Vec<bool> = puts.map(|place| is_replaced(&transaction, place)).collect();
        let puts = transaction.put.into_iter().zip(replaced);
        for put in puts.filter_map(|(put, replaced)| (!replaced).then_some(put)) {
            let rows = self.tables.entry(put.key.table).or_default();
            let sequence = rows.get(&put.key.id).map(|row| row.sequence);
            let sequence = sequence.unwrap_or_else(|| {
                self.sequence += 1;
                self.sequence
            });
            rows.put(put, revision, sequence);
        }
        for forget in &transaction.forget {
            self.forget(forget);
        }
        for event in transaction.events {
            self.event += 1;
            let sequence = self.event;
            self.events_of
                .entry(event.node)
                .or_default()
                .insert(sequence);
            self.events
                .insert(sequence, StoredEvent { sequence, event });
        }
        Ok(revision)
    }

    fn forget(&mut self, forget: &Forget) {
        let Some(of_node) = self.events_of.get_mut(&forget.node) else {
            return;
        };
        let kept = match forget.up_to.checked_add(1) {
            Some(first) => of_node.split_off(&first),
            None => BTreeSet::new(),
        };
        for sequence in std::mem::replace(of_node, kept) {
            self.events.remove(&sequence);
        }
    }

    fn events(&self, filter: &EventFilter) -> Vec<StoredEvent> {
        let Some(first) = filter.after.checked_add(1) else {
            return Vec::new();
        };
        match filter.node {
            None => {
                let events = self.events.range(first..).map(|(_, event)| event);
                events.take(filter.limit).cloned().collect()
            }
            Some(node) => {
                let of_node = self.events_of.get(&node).into_iter();
                let sequences = of_node.flat_map(|of_node| of_node.range(first..));
                let events = sequences.filter_map(|sequence| self.events.get(sequence));
                events.take(filter.limit).cloned().collect()
            }
        }
    }

    fn rows(&self, table: Table) -> &Rows {
        static NONE: Rows = Rows::new();
        self.tables.get(&table).unwrap_or(&NONE)
    }
}

impl View for Content {
    fn standing(&self, key: &Key) -> Result<Option<Standing>, StoreError> {
        let row = self.rows(key.table).get(&key.id);
        Ok(row.map(|row| Standing {
            revision: row.revision,
            epoch: row.epoch,
        }))
    }

    fn holders(
        &self,
        table: Table,
        field: usize,
        value: &FieldValue,
    ) -> Result<Vec<String>, StoreError> {
        Ok(self.rows(table).holders(field, value))
    }

    fn filling(&self, room: &Room) -> Result<usize, StoreError> {
        Ok(self.rows(room.table).find(&room.query())?.len())
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn is_exclusive(&self) -> bool {
        true
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        self.apply(transaction)
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.read(key))
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let content = self.0.lock();
        let rows = content.rows(query.table).find(query)?;
        let records = rows.iter().map(|row| row.record(query.table)).collect();
        Ok(Page { records })
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let content = self.0.lock();
        let rows = content.rows(query.table).find(query)?;
        let wanted = query.wanted_places()?;
        let outlines = rows.iter().map(|row| row.outline(query.table, &wanted));
        Ok(outlines.collect())
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.0.lock().events(filter))
    }

    async fn newest_event(&self) -> Result<u64, StoreError> {
        Ok(self.0.lock().event)
    }
}
