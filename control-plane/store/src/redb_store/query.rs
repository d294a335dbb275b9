//! Reads by key and by indexed field, on a snapshot: a commit that comes meanwhile changes nothing of it.
//!
//! Filters and order come from the index alone; only the records of the page itself are opened. Ties of a sort go by
//! sequence, in the direction of the sort, and null comes before every value: as Ironic's SQL answers.

use super::engine::Engine;
use super::error::{failed, unreadable};
use super::index;
use super::schema::{IDS, INDEX, RECORDS, number};
use super::{envelope, envelope::Head};
use crate::StoreError;
use crate::record::{FieldValue, Key, Outline, Record, Table};
use crate::transaction::{Page, Query, SortOrder};
use redb::{ReadOnlyTable, ReadableDatabase, ReadableTable, StorageError};
use std::ops::Bound;

const DOING: &str = "reading records";

/// Where a page begins: behind this record.
struct Marker {
    sequence: u64,
    head: Head,
}

/// The tables of one moment.
struct Snapshot {
    records: ReadOnlyTable<(u8, u64), &'static [u8]>,
    ids: ReadOnlyTable<(u8, &'static str), u64>,
    index: ReadOnlyTable<&'static [u8], ()>,
}

impl Engine {
    pub(super) fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let snapshot = self.snapshot()?;
        match snapshot.sequence(key)? {
            Some(sequence) => self.record(&snapshot, key.table, sequence),
            None => Ok(None),
        }
    }

    pub(super) fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let snapshot = self.snapshot()?;
        let mut page = Page::default();
        for sequence in snapshot.find(query)? {
            let record = self.record(&snapshot, query.table, sequence)?;
            page.records.extend(record);
        }
        Ok(page)
    }

    pub(super) fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let snapshot = self.snapshot()?;
        let mut outlines = Vec::new();
        for sequence in snapshot.find(query)? {
            if let Some(bytes) = snapshot.bytes(query.table, sequence)? {
                let outline = envelope::outline(query.table, sequence, bytes.value());
                outlines.push(outline.map_err(unreadable)?);
            }
        }
        Ok(outlines)
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let read = self.database.begin_read().map_err(failed(DOING))?;
        Ok(Snapshot {
            records: read.open_table(RECORDS).map_err(failed(DOING))?,
            ids: read.open_table(IDS).map_err(failed(DOING))?,
            index: read.open_table(INDEX).map_err(failed(DOING))?,
        })
    }

    fn record(
        &self,
        snapshot: &Snapshot,
        table: Table,
        sequence: u64,
    ) -> Result<Option<Record>, StoreError> {
        let Some(bytes) = snapshot.bytes(table, sequence)? else {
            return Ok(None);
        };
        envelope::decode(table, sequence, bytes.value(), &self.sealer)
            .map(Some)
            .map_err(unreadable)
    }
}

impl Snapshot {
    /// The records that a query is about, in its order.
    fn find(&self, query: &Query) -> Result<Vec<u64>, StoreError> {
        let sort = query.sort.as_deref();
        let sort = sort.map(|name| query.table.field(name));
        let sort = sort.transpose()?;
        let matching = self.matching(query)?;
        let marker = self.marker(query)?;
        match sort {
            Some(field) => self.by_field(query, field, matching.as_deref(), marker),
            None => self.by_creation(query, matching, marker),
        }
    }

    fn sequence(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        let id = (number(key.table), key.id.as_str());
        let sequence = ReadableTable::get(&self.ids, id).map_err(failed(DOING))?;
        Ok(sequence.map(|sequence| sequence.value()))
    }

    fn bytes(
        &self,
        table: Table,
        sequence: u64,
    ) -> Result<Option<redb::AccessGuard<'_, &'static [u8]>>, StoreError> {
        ReadableTable::get(&self.records, (number(table), sequence)).map_err(failed(DOING))
    }

    fn marker(&self, query: &Query) -> Result<Option<Marker>, StoreError> {
        let Some(id) = &query.marker else {
            return Ok(None);
        };
        let unknown = || StoreError::NoSuchMarker(id.clone());
        let key = Key::new(query.table, id);
        let sequence = self.sequence(&key)?.ok_or_else(unknown)?;
        let bytes = self.bytes(query.table, sequence)?.ok_or_else(unknown)?;
        let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
        Ok(Some(Marker { sequence, head }))
    }

    /// The sequences of the records for which all filters hold, sorted; `None` when there is no filter.
    fn matching(&self, query: &Query) -> Result<Option<Vec<u64>>, StoreError> {
        // A name that is unknown is an error whatever the others match.
        let fields = query
            .filters
            .iter()
            .map(|(name, _)| query.table.field(name));
        let fields: Vec<usize> = fields.collect::<Result<_, _>>()?;
        let values = query.filters.iter().map(|(_, values)| values);
        common(fields.into_iter().zip(values), |(field, values)| {
            with_any_value(&self.index, query.table, field, values)
        })
    }

    fn by_creation(
        &self,
        query: &Query,
        matching: Option<Vec<u64>>,
        marker: Option<Marker>,
    ) -> Result<Vec<u64>, StoreError> {
        let (first, last) = match (query.order, marker.map(|marker| marker.sequence)) {
            (_, None) => (0, u64::MAX),
            (SortOrder::Ascending, Some(marker)) => (marker + 1, u64::MAX),
            // The first sequence is 1.
            (SortOrder::Descending, Some(marker)) => (0, marker - 1),
        };
        if let Some(matching) = matching {
            let inside = matching.into_iter();
            let inside = inside.filter(|sequence| (first..=last).contains(sequence));
            return limited(inside.map(Ok), query.order, query.limit);
        }
        let table = number(query.table);
        let range = ReadableTable::range(&self.records, (table, first)..=(table, last));
        let sequences = range
            .map_err(failed(DOING))?
            .map(|entry| entry.map(|(place, _)| place.value().1));
        limited(sequences, query.order, query.limit)
    }

    fn by_field(
        &self,
        query: &Query,
        field: usize,
        matching: Option<&[u64]>,
        marker: Option<Marker>,
    ) -> Result<Vec<u64>, StoreError> {
        let prefix = index::of_field(query.table, field);
        let end = index::behind(&prefix);
        let marker = marker.map(|marker| {
            let value = marker.head.values.get(field).unwrap_or(&FieldValue::Null);
            index::entry(query.table, field, value, marker.sequence)
        });
        let (first, last): (Bound<&[u8]>, Bound<&[u8]>) = match (query.order, &marker) {
            (_, None) => (Bound::Included(&prefix), Bound::Excluded(&end)),
            (SortOrder::Ascending, Some(marker)) => {
                (Bound::Excluded(marker), Bound::Excluded(&end))
            }
            (SortOrder::Descending, Some(marker)) => {
                (Bound::Included(&prefix), Bound::Excluded(marker))
            }
        };
        let range = ReadableTable::range::<&[u8]>(&self.index, (first, last));
        let sequences = range
            .map_err(failed(DOING))?
            .map(|entry| entry.map(|(key, _)| index::sequence(key.value())))
            .filter(|sequence| match (sequence, matching) {
                (Ok(sequence), Some(matching)) => matching.binary_search(sequence).is_ok(),
                (Ok(_), None) | (Err(_), _) => true,
            });
        // When all that match are found, the rest of the index is not read.
        let limit = matching.map_or(query.limit, |matching| matching.len().min(query.limit));
        limited(sequences, query.order, limit)
    }
}

/// The sequences of the records with one of these values, sorted.
pub(super) fn with_any_value(
    index: &impl ReadableTable<&'static [u8], ()>,
    table: Table,
    field: usize,
    values: &[FieldValue],
) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for value in values {
        let prefix = index::of_value(table, field, value);
        for entry in index::scan(index, &prefix).map_err(failed(DOING))? {
            let (entry, _) = entry.map_err(failed(DOING))?;
            found.push(index::sequence(entry.value()));
        }
    }
    if values.len() > 1 {
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}

/// What stands in the sorted answers to all questions; `None` when there is no question. Once nothing is left nothing more
/// is asked.
pub(super) fn common<Q>(
    questions: impl IntoIterator<Item = Q>,
    mut ask: impl FnMut(Q) -> Result<Vec<u64>, StoreError>,
) -> Result<Option<Vec<u64>>, StoreError> {
    let mut common: Option<Vec<u64>> = None;
    for question in questions {
        if common.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
        let mut found = ask(question)?;
        if let Some(before) = common {
            found.retain(|sequence| before.binary_search(sequence).is_ok());
        }
        common = Some(found);
    }
    Ok(common)
}

/// As many as are wanted, from the end that they are wanted from.
fn limited(
    sequences: impl DoubleEndedIterator<Item = Result<u64, StorageError>>,
    order: SortOrder,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let found: Result<Vec<u64>, _> = match order {
        SortOrder::Ascending => sequences.take(limit).collect(),
        SortOrder::Descending => sequences.rev().take(limit).collect(),
    };
    found.map_err(failed(DOING))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer, and how many questions were asked for it.
    fn asked(answers: &[&[u64]]) -> (Option<Vec<u64>>, usize) {
        let mut asked = 0;
        let common = common(answers, |answer| {
            asked += 1;
            Ok(answer.to_vec())
        });
        (common.unwrap(), asked)
    }

    #[test]
    fn filters_are_not_looked_at_once_nothing_can_match() {
        assert_eq!(asked(&[]), (None, 0));
        assert_eq!(asked(&[&[1, 2, 3], &[2, 3], &[3, 4]]), (Some(vec![3]), 3));
        assert_eq!(asked(&[&[], &[1], &[2]]), (Some(vec![]), 1));
        assert_eq!(asked(&[&[1], &[2], &[1]]), (Some(vec![]), 2));
    }
}
