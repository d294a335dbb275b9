//! Which records a query is about, in its order: from the index alone, so that a page costs as much among many records as
//! among few.
//!
//! Ties of a sort go by sequence, in the direction of the sort, and null comes before every value: as Ironic's SQL answers.

use super::columns;
use super::error::{failed, unreadable};
use super::index;
use super::matches::{Allowed, Filters, Matches, hold};
use super::query::{DOING, Marker, Snapshot};
use super::schema::number;
use super::sealed_fields;
use super::{envelope, query::Walk};
use crate::StoreError;
use crate::record::{FieldValue, Sorted, Table};
use crate::seal::Sealer;
use crate::transaction::{Check, Query, SortOrder};
use redb::{AccessGuard, ReadableTable};
use std::collections::BTreeSet;
use std::ops::{Bound, RangeInclusive};

/// Records with their places, one after the other.
pub(super) type Entries<'s> = Box<
    dyn Iterator<
            Item = Result<
                (AccessGuard<'s, (u8, u64)>, AccessGuard<'s, &'static [u8]>),
                redb::StorageError,
            >,
        > + 's,
>;

/// Records that are looked at one by one, before it is asked what matches at all.
const PATIENCE: usize = 256;

/// What the index can be asked for.
pub(super) fn filters(query: &Query) -> Result<Vec<Allowed<'_>>, StoreError> {
    let filters = query.filters.iter();
    let filters = filters.map(|filter| {
        let fields = filter.fields.iter().map(|name| query.table.field(name));
        Ok(Allowed {
            fields: fields.collect::<Result<_, StoreError>>()?,
            values: &filter.values,
        })
    });
    filters.collect()
}

impl Snapshot {
    /// The records that a query is about, in its order.
    pub(super) fn find(&self, query: &Query, sealer: &Sealer) -> Result<Vec<u64>, StoreError> {
        query.check_names()?;
        let filters = filters(query)?;
        let marker = self.marker(query)?;
        let sort = query.sort.as_deref().map(|name| query.table.order(name));
        match sort.transpose()? {
            None => {
                let within = behind(query.order, marker.map(|marker| marker.sequence));
                let walk = self.by_creation(query, &filters, within)?;
                self.choose(query, &[], walk)
            }
            Some(Sorted::Indexed(field)) => {
                let walk = self.by_field(query, field, marker.as_ref())?;
                self.choose(query, &filters, walk)
            }
            Some(Sorted::Sealed(field)) => {
                let walk = self.by_sealed_field(query, (field, &filters), marker, sealer)?;
                self.choose(query, &[], walk)
            }
        }
    }

    /// The records of a plain query behind its marker.
    pub(super) fn all(&self, query: &Query) -> Result<Entries<'_>, StoreError> {
        let marker = self.marker(query)?;
        let within = behind(query.order, marker.map(|marker| marker.sequence));
        self.created(query, &within)
    }

    fn created(
        &self,
        query: &Query,
        within: &RangeInclusive<u64>,
    ) -> Result<Entries<'_>, StoreError> {
        let table = number(query.table);
        let range = (table, *within.start())..=(table, *within.end());
        let range = ReadableTable::range(&self.records, range).map_err(failed(DOING))?;
        Ok(match query.order {
            SortOrder::Ascending => Box::new(range),
            SortOrder::Descending => Box::new(range.rev()),
        })
    }

    /// Those that all filters hold for.
    fn by_creation<'s>(
        &'s self,
        query: &Query,
        filters: &Filters<'_>,
        within: RangeInclusive<u64>,
    ) -> Result<Walk<'s>, StoreError> {
        if !filters.is_empty() {
            let matches = Matches::new(&self.index, query.table, filters, query.order, within);
            return Ok(Box::new(matches.map(|found| found.map_err(failed(DOING)))));
        }
        let created = self.created(query, &within)?;
        Ok(Box::new(created.map(|entry| match entry {
            Ok((place, _)) => Ok(place.value().1),
            Err(error) => Err(failed(DOING)(error)),
        })))
    }

    /// All behind the marker; no filter is asked.
    fn by_field(
        &self,
        query: &Query,
        field: usize,
        marker: Option<&Marker>,
    ) -> Result<Walk<'_>, StoreError> {
        let marker = marker.map(|marker| {
            let value = marker.head.values.get(field).unwrap_or(&FieldValue::Null);
            index::entry(query.table, field, value, marker.sequence)
        });
        let prefix = index::of_field(query.table, field);
        let end = index::behind(&prefix);
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
        let sequences = range.map_err(failed(DOING))?.map(|entry| match entry {
            Ok((key, _)) => Ok(index::sequence(key.value())),
            Err(error) => Err(failed(DOING)(error)),
        });
        Ok(match query.order {
            SortOrder::Ascending => Box::new(sequences),
            SortOrder::Descending => Box::new(sequences.rev()),
        })
    }

    /// Those that all filters hold for: where the field is null, in the order of creation; then by its values, for which
    /// all of them are opened.
    fn by_sealed_field<'s>(
        &'s self,
        query: &Query,
        (field, filters): (usize, &Filters<'_>),
        marker: Option<Marker>,
        sealer: &Sealer,
    ) -> Result<Walk<'s>, StoreError> {
        let mut values = sealed_fields::scan(&self.sealed_fields()?, (query.table, field), sealer)?;
        let with_value: BTreeSet<u64> = values.iter().map(|(_, sequence)| *sequence).collect();
        let marker = marker.map(|marker| marker.sequence);
        let value = values
            .iter()
            .find(|(_, sequence)| Some(*sequence) == marker);
        let value = value.cloned();
        let nulls = match (query.order, &value) {
            (SortOrder::Ascending, Some(_)) => None,
            (SortOrder::Descending, Some(_)) => Some(0..=u64::MAX),
            (order, None) => Some(behind(order, marker)),
        };
        match (query.order, marker, value) {
            (SortOrder::Ascending, Some(_), Some(value)) => values.retain(|other| *other > value),
            (SortOrder::Descending, Some(_), Some(value)) => values.retain(|other| *other < value),
            (SortOrder::Descending, Some(_), None) => values.clear(),
            (SortOrder::Ascending, Some(_), None) | (_, None, _) => {}
        }
        values.sort_unstable();
        let of_values = self.matching_of(query, filters, values)?;
        let nulls = nulls.map(|within| self.by_creation(query, filters, within));
        let nulls = nulls.transpose()?.into_iter().flatten();
        let nulls = nulls.filter(move |found| match found {
            Ok(sequence) => !with_value.contains(sequence),
            Err(_) => true,
        });
        let of_values = of_values.into_iter().map(Ok);
        Ok(match query.order {
            SortOrder::Ascending => Box::new(nulls.chain(of_values)),
            SortOrder::Descending => Box::new(of_values.rev().chain(nulls)),
        })
    }

    /// Those of the records that all filters hold for, in their order.
    fn matching_of(
        &self,
        query: &Query,
        filters: &Filters<'_>,
        records: Vec<(FieldValue, u64)>,
    ) -> Result<Vec<u64>, StoreError> {
        let mut sequences: Vec<u64> = records.into_iter().map(|(_, sequence)| sequence).collect();
        if filters.is_empty() {
            return Ok(sequences);
        }
        if sequences.len() > PATIENCE {
            let matching = self.matching(query, filters)?;
            sequences.retain(|sequence| matching.binary_search(sequence).is_ok());
            return Ok(sequences);
        }
        let mut matching = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            if hold(&self.index, query.table, filters, sequence).map_err(failed(DOING))? {
                matching.push(sequence);
            }
        }
        Ok(matching)
    }

    /// The page: the first ones of the walk that these filters and the query's checks hold for.
    fn choose(
        &self,
        query: &Query,
        filters: &Filters<'_>,
        mut walk: Walk<'_>,
    ) -> Result<Vec<u64>, StoreError> {
        if filters.is_empty() && query.checks.is_empty() {
            return walk.take(query.limit).collect();
        }
        let mut found = Vec::new();
        let mut looked = 0;
        while found.len() < query.limit && looked < PATIENCE + 4 * found.len() {
            let Some(sequence) = walk.next().transpose()? else {
                return Ok(found);
            };
            looked += 1;
            let holds = hold(&self.index, query.table, filters, sequence);
            if holds.map_err(failed(DOING))? && self.passes(query, sequence)? {
                found.push(sequence);
            }
        }
        if found.len() < query.limit {
            self.pick(query, filters, &mut walk, &mut found)?;
        }
        Ok(found)
    }

    /// The rest of a page of which little was found so far: what holds for few is better asked for those few.
    fn pick(
        &self,
        query: &Query,
        filters: &Filters<'_>,
        walk: &mut Walk<'_>,
        found: &mut Vec<u64>,
    ) -> Result<(), StoreError> {
        let mut checks = query.checks.iter();
        let mut matching = match checks.next() {
            Some(check) => columns::passing(&self.index, query.table, check)?,
            None => self.matching(query, filters)?,
        };
        for check in checks {
            let passing = columns::passing(&self.index, query.table, check)?;
            matching.retain(|sequence| passing.binary_search(sequence).is_ok());
        }
        if !filters.is_empty() && !query.checks.is_empty() {
            let filtered = self.matching(query, filters)?;
            matching.retain(|sequence| filtered.binary_search(sequence).is_ok());
        }
        // When all that match are found, the rest of the walk is not gone.
        let limit = matching.len().min(query.limit);
        while found.len() < limit {
            let Some(sequence) = walk.next().transpose()? else {
                break;
            };
            if matching.binary_search(&sequence).is_ok() {
                found.push(sequence);
            }
        }
        Ok(())
    }

    /// All records that the filters hold for, of which there is one at least, in the order of creation.
    fn matching(&self, query: &Query, filters: &Filters<'_>) -> Result<Vec<u64>, StoreError> {
        let (order, within) = (SortOrder::Ascending, 0..=u64::MAX);
        let matches = Matches::new(&self.index, query.table, filters, order, within);
        matches.collect::<Result<_, _>>().map_err(failed(DOING))
    }

    /// Whether the query's checks hold for a record, by what stands in its head.
    fn passes(&self, query: &Query, sequence: u64) -> Result<bool, StoreError> {
        for check in &query.checks {
            let Some(bytes) = self.bytes(query.table, sequence)? else {
                return Ok(false);
            };
            if !passes(query.table, check, bytes.value())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn passes(table: Table, check: &Check, record: &[u8]) -> Result<bool, StoreError> {
    let places = check.fields.iter().map(|name| table.field(name));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let mut ascending = places.clone();
    ascending.sort_unstable();
    let values = envelope::values(table, &ascending, record).map_err(unreadable)?;
    let value = |place: &usize| {
        let found = ascending.binary_search(place);
        found.map_or(&FieldValue::Null, |found| &values[found])
    };
    Ok(check.holds(&places.iter().map(value).collect::<Vec<_>>()))
}

/// What comes behind the marker in the order of creation.
fn behind(order: SortOrder, marker: Option<u64>) -> RangeInclusive<u64> {
    match (order, marker) {
        (_, None) => 0..=u64::MAX,
        (SortOrder::Ascending, Some(marker)) => marker + 1..=u64::MAX,
        // The first sequence is 1.
        (SortOrder::Descending, Some(marker)) => 0..=marker - 1,
    }
}
