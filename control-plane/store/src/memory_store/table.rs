//! The rows of one table, and the questions that are asked of them: each is a look at all rows.

use crate::record::Sorted;
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
    sealed_fields: Vec<FieldValue>,
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

    /// With the fields at these places.
    pub(super) fn outline(&self, table: Table, wanted: &[usize]) -> Outline {
        let fields = wanted.iter().filter_map(|place| self.fields.get(*place));
        Outline {
            key: Key::new(table, &self.id),
            revision: self.revision,
            sequence: self.sequence,
            fields: fields.cloned().collect(),
        }
    }

    fn field(&self, place: usize) -> &FieldValue {
        self.fields
            .get(place)
            .map_or(&FieldValue::Null, |(_, value)| value)
    }

    fn sorted_by(&self, sort: Sorted) -> FieldValue {
        match sort {
            Sorted::Indexed(place) => self.field(place).clone(),
            Sorted::Sealed(place) => {
                let value = self.sealed_fields.get(place);
                value.cloned().unwrap_or(FieldValue::Null)
            }
        }
    }

    fn matches(&self, table: Table, query: &Query) -> bool {
        let value = |name: &str| {
            let place = table.field(name);
            place.map_or(&FieldValue::Null, |place| self.field(place))
        };
        let mut filters = query.filters.iter();
        let mut checks = query.checks.iter();
        filters.all(|filter| {
            let mut fields = filter.fields.iter();
            fields.any(|name| filter.values.contains(value(name)))
        }) && checks.all(|check| {
            let fields = check.fields.iter();
            check.holds(&fields.map(|name| value(name)).collect::<Vec<_>>())
        })
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
            sealed_fields: put.sealed_fields,
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
        query.check_names()?;
        let sort = query.sort.as_ref();
        let sort = sort.map(|name| query.table.order(name)).transpose()?;
        let place = |row: &Row| (sort.map(|field| row.sorted_by(field)), row.sequence);
        let marker = match &query.marker {
            None => None,
            Some(id) => {
                let row = self.get(id);
                let row = row.ok_or_else(|| StoreError::NoSuchMarker(id.clone()))?;
                Some(place(row))
            }
        };
        let matches = |row: &&Row| row.matches(query.table, query);
        let mut found: Vec<&Row> = self.in_order.values().filter(matches).collect();
        if sort.is_some() {
            found.sort_by_cached_key(|row| place(row));
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
