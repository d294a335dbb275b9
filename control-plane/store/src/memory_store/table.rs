//! The rows of one table, and the questions that are asked of them: each is a look at all rows.

use crate::transaction::Put;
use crate::{FieldValue, Key, Outline, Query, Record, Revision, SortOrder, StoreError, Table};
use ferric_model::ids::Epoch;
use std::collections::BTreeMap;

/// Rows by id, and in the order in which they were made.
#[derive(Default)]
pub(super) struct Rows {
    by_id: BTreeMap<String, u64>,
    in_order: BTreeMap<u64, Row>,
}

pub(super) struct Row {
    id: String,
    pub(super) revision: Revision,
    pub(super) sequence: u64,
    pub(super) epoch: Option<Epoch>,
    document: Vec<u8>,
    fields: Vec<(&'static str, FieldValue)>,
}

impl Row {
    pub(super) fn record(&self, table: Table) -> Record {
        Record {
            key: Key::new(table, &self.id),
            revision: self.revision,
            sequence: self.sequence,
            document: self.document.clone(),
            fields: self.fields.clone(),
        }
    }

    pub(super) fn outline(&self, table: Table) -> Outline {
        Outline {
            key: Key::new(table, &self.id),
            revision: self.revision,
            sequence: self.sequence,
            fields: self.fields.clone(),
        }
    }

    fn field(&self, place: usize) -> &FieldValue {
        self.fields
            .get(place)
            .map_or(&FieldValue::Null, |(_, value)| value)
    }
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self {
            by_id: BTreeMap::new(),
            in_order: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.in_order.get(self.by_id.get(id)?)
    }

    pub(super) fn put(&mut self, put: Put, revision: Revision, sequence: u64) {
        self.by_id.insert(put.key.id.clone(), sequence);
        let row = Row {
            id: put.key.id,
            revision,
            sequence,
            epoch: put.epoch,
            document: put.document,
            fields: put.fields,
        };
        self.in_order.insert(sequence, row);
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(sequence) = self.by_id.remove(id) {
            self.in_order.remove(&sequence);
        }
    }

    pub(super) fn holders(&self, field: usize, value: &FieldValue) -> Vec<String> {
        let rows = self.in_order.values();
        rows.filter(|row| row.field(field) == value)
            .map(|row| row.id.clone())
            .collect()
    }

    pub(super) fn find(&self, query: &Query) -> Result<Vec<&Row>, StoreError> {
        let mut filters = Vec::with_capacity(query.filters.len());
        for (name, values) in &query.filters {
            filters.push((query.table.field(name)?, values));
        }
        let sort = query.sort.as_ref();
        let sort = sort.map(|name| query.table.field(name)).transpose()?;
        let place = |row: &Row| (sort.map(|field| row.field(field).clone()), row.sequence);
        let marker = match &query.marker {
            None => None,
            Some(id) => {
                let row = self.get(id);
                let row = row.ok_or_else(|| StoreError::NoSuchMarker(id.clone()))?;
                Some(place(row))
            }
        };
        let matches = |row: &&Row| {
            let mut filters = filters.iter();
            filters.all(|(field, values)| values.contains(row.field(*field)))
        };
        let mut found: Vec<&Row> = self.in_order.values().filter(matches).collect();
        if sort.is_some() {
            found.sort_by_key(|row| place(row));
        }
        if query.order == SortOrder::Descending {
            found.reverse();
        }
        if let Some(marker) = marker {
            found.retain(|row| match query.order {
                SortOrder::Ascending => place(row) > marker,
                SortOrder::Descending => place(row) < marker,
            });
        }
        found.truncate(query.limit);
        Ok(found)
    }
}
