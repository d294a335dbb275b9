//! Reads by key and by indexed field. Each list is one statement, and so of one moment.

use super::PostgresStore;
use super::row::{column, decode_fields, indexed, kind, number, outline, record};
use super::scan;
use super::sql::{self, Columns, List, Walk};
use crate::StoreError;
use crate::record::{FieldValue, Key, Outline, Record, Table};
use crate::seal::place_of_event;
use crate::transaction::{Filter, Page, Query};
use crate::{EventFilter, StoredEvent};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

const READING: &str = "reading records";
const READING_EVENTS: &str = "reading events";

/// Where a page begins: behind this record.
pub(super) struct Marker {
    place: i64,
    /// The value of the field that is sorted by.
    value: Vec<u8>,
}

pub(super) type Parameter = Box<dyn ToSql + Sync + Send>;

impl PostgresStore {
    pub(super) async fn read_one(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let id = key.id.as_bytes();
        let rows = self
            .connections
            .rows(READING, sql::RECORD, &[&kind(key.table), &id])
            .await?;
        let row = rows.first();
        row.map(|row| record(key.table, row, &self.sealer))
            .transpose()
    }

    /// A statement a table; each is of a moment of its own.
    pub(super) async fn read_each(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        let mut ids: BTreeMap<Table, Vec<&[u8]>> = BTreeMap::new();
        for key in keys {
            ids.entry(key.table).or_default().push(key.id.as_bytes());
        }
        let mut found = HashMap::with_capacity(keys.len());
        for (table, ids) in ids {
            let rows = self
                .connections
                .rows(READING, sql::RECORDS, &[&kind(table), &ids])
                .await?;
            for row in &rows {
                let record = record(table, row, &self.sealer)?;
                found.insert(record.key.clone(), record);
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    pub(super) async fn read_page(&self, query: &Query) -> Result<Page, StoreError> {
        if scan::is_needed(query) {
            let found = scan::outlines(self, query).await?;
            let keys: Vec<Key> = found.into_iter().map(|outline| outline.key).collect();
            let records = self.read_each(&keys).await?;
            return Ok(Page { records });
        }
        Ok(Page {
            records: self.records(query).await?,
        })
    }

    pub(super) async fn read_outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        if scan::is_needed(query) {
            return scan::outlines(self, query).await;
        }
        self.outlines_of(query).await
    }

    /// Of a query that a statement can ask.
    pub(super) async fn records(&self, query: &Query) -> Result<Vec<Record>, StoreError> {
        let rows = self.list(query, Columns::Whole).await?;
        let records = rows.iter();
        let records = records.map(|row| record(query.table, row, &self.sealer));
        records.collect()
    }

    /// Of a query that a statement can ask.
    pub(super) async fn outlines_of(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let places = query.wanted_places()?;
        let rows = self.list(query, Columns::Outline).await?;
        let outlines = rows.iter();
        let outlines = outlines.map(|row| outline(query.table, &places, row));
        outlines.collect()
    }

    async fn list(&self, query: &Query, columns: Columns) -> Result<Vec<Row>, StoreError> {
        query.check_names()?;
        let marker = self.marker(query).await?;
        let (sql, parameters) = statement(query, columns, marker);
        self.connections
            .rows(READING, &sql, &borrowed(&parameters))
            .await
    }

    async fn marker(&self, query: &Query) -> Result<Option<Marker>, StoreError> {
        let Some(id) = &query.marker else {
            return Ok(None);
        };
        let rows = self
            .connections
            .rows(READING, sql::MARKER, &[&kind(query.table), &id.as_bytes()])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::NoSuchMarker(id.clone()))?;
        let value = match &query.sort {
            Some(sort) => {
                let fields = decode_fields(column(row, "fields")?)?;
                let found = fields.into_iter().find(|(name, _)| name == sort);
                indexed(&found.map_or(FieldValue::Null, |(_, value)| value))
            }
            None => Vec::new(),
        };
        Ok(Some(Marker {
            place: column(row, "place")?,
            value,
        }))
    }

    pub(super) async fn read_events(
        &self,
        filter: &EventFilter,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let after = i64::try_from(filter.after).unwrap_or(i64::MAX);
        let limit = limit(filter.limit);
        let rows = match filter.node {
            Some(node) => {
                let parameters: [&(dyn ToSql + Sync); 3] = [&after, &limit, &node.0];
                self.connections
                    .rows(READING_EVENTS, sql::EVENTS_OF_NODE, &parameters)
                    .await?
            }
            None => {
                self.connections
                    .rows(READING_EVENTS, sql::EVENTS, &[&after, &limit])
                    .await?
            }
        };
        rows.iter().map(|row| self.event(row)).collect()
    }

    pub(super) async fn read_newest_event(&self) -> Result<u64, StoreError> {
        let rows = self
            .connections
            .rows(READING_EVENTS, sql::COUNTERS, &[])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| super::failure::away(READING_EVENTS, "the counters are missing"))?;
        number(row, "event")
    }

    fn event(&self, row: &Row) -> Result<StoredEvent, StoreError> {
        let sequence = number(row, "sequence")?;
        let sealed: &[u8] = column(row, "event")?;
        let clear = self.sealer.open(&place_of_event(sequence), sealed)?;
        let event = serde_json::from_slice(&clear).map_err(|source| StoreError::Backend {
            doing: "reading a stored event",
            source: Box::new(source),
        })?;
        Ok(StoredEvent { sequence, event })
    }
}

/// The statement of a list with its parameters.
pub(super) fn statement(
    query: &Query,
    columns: Columns,
    marker: Option<Marker>,
) -> (String, Vec<Parameter>) {
    let (walked, filters, either) = split(query);
    let list = List {
        columns,
        walk: match (&query.sort, walked) {
            (Some(_), _) => Walk::Field,
            (None, None) => Walk::Records,
            (None, Some(filter)) if filter.values.len() == 1 => Walk::Value,
            (None, Some(_)) => Walk::Values,
        },
        order: query.order,
        behind_marker: marker.is_some(),
        filters: filters.len(),
        either: either.len(),
    };
    let mut parameters: Vec<Parameter> = vec![Box::new(kind(query.table))];
    if let Some(name) = &query.sort {
        parameters.push(Box::new(name.clone()));
    }
    if let Some(filter) = walked {
        parameters.push(Box::new(filter.fields[0].clone()));
        match filter.values.as_slice() {
            [value] => parameters.push(Box::new(indexed(value))),
            values => parameters.push(Box::new(all(values))),
        }
    }
    if let Some(marker) = marker {
        if query.sort.is_some() {
            parameters.push(Box::new(marker.value));
        }
        parameters.push(Box::new(marker.place));
    }
    for filter in filters {
        parameters.push(Box::new(filter.fields[0].clone()));
        parameters.push(Box::new(all(&filter.values)));
    }
    for filter in either {
        parameters.push(Box::new(filter.fields.clone()));
        parameters.push(Box::new(all(&filter.values)));
    }
    parameters.push(Box::new(limit(query.limit)));
    (list.sql(), parameters)
}

pub(super) fn borrowed(parameters: &[Parameter]) -> Vec<&(dyn ToSql + Sync)> {
    let parameters = parameters.iter();
    parameters
        .map(|parameter| parameter.as_ref() as &(dyn ToSql + Sync))
        .collect()
}

fn all(values: &[FieldValue]) -> Vec<Vec<u8>> {
    values.iter().map(indexed).collect()
}

/// What is walked, the other filters of one field, and those of several. Where no order is asked for, one filter says
/// where to look and the others are checked there. Texts, such as names and addresses, single out more than flags do.
fn split(query: &Query) -> (Option<&Filter>, Vec<&Filter>, Vec<&Filter>) {
    let (mut filters, either): (Vec<&Filter>, Vec<&Filter>) = query
        .filters
        .iter()
        .partition(|filter| filter.fields.len() == 1);
    if query.sort.is_some() || filters.is_empty() {
        return (None, filters, either);
    }
    let is_text = |value: &FieldValue| matches!(value, FieldValue::Text(_));
    let of_texts = |filter: &&Filter| filter.values.iter().all(is_text);
    let chosen = filters.iter().position(of_texts).unwrap_or(0);
    (Some(filters.remove(chosen)), filters, either)
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
