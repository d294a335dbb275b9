//! The records that all filters of a query hold for, one after the other, in the order of creation or backwards.
//!
//! Each value of a filter is a walk through its part of the index. The walks are moved on until all stand at one record, so
//! what is found costs as much as what was skipped on the way, and never a look at everything that matches.

use super::index;
use crate::record::{FieldValue, Table};
use crate::transaction::SortOrder;
use redb::{Range, ReadableTable, StorageError};
use std::ops::{Bound, RangeInclusive};

/// A walk that is behind is stepped this often before it is set anew, which costs as much as a few dozen steps.
const STEPS: usize = 16;

/// One of these fields must have one of these values.
pub(super) struct Allowed<'q> {
    pub(super) fields: Vec<usize>,
    pub(super) values: &'q [FieldValue],
}

/// All of them must hold.
pub(super) type Filters<'q> = [Allowed<'q>];

impl Allowed<'_> {
    fn each(&self) -> impl Iterator<Item = (usize, &FieldValue)> {
        let fields = self.fields.iter();
        fields.flat_map(|field| self.values.iter().map(|value| (*field, value)))
    }
}

/// Ends after an error.
pub(super) struct Matches<'t, T> {
    filters: Vec<Vec<Walk<'t, T>>>,
    order: SortOrder,
    /// Where to go on; `None`: that was all.
    next: Option<u64>,
    within: RangeInclusive<u64>,
}

impl<'t, T: ReadableTable<&'static [u8], ()>> Matches<'t, T> {
    /// Those with a sequence in the range. There must be a filter.
    pub(super) fn new(
        index: &'t T,
        table: Table,
        filters: &Filters<'_>,
        order: SortOrder,
        within: RangeInclusive<u64>,
    ) -> Self {
        debug_assert!(
            !filters.is_empty(),
            "what has no filter is not in the index"
        );
        let walk = |field: usize, value: &FieldValue| Walk {
            index,
            prefix: index::of_value(table, field, value),
            order,
            range: None,
            at: None,
            #[cfg(test)]
            looked: 0,
        };
        let filters = filters.iter().map(|allowed| {
            let each = allowed.each();
            each.map(|(field, value)| walk(field, value)).collect()
        });
        Self {
            filters: filters.collect(),
            order,
            next: Some(match order {
                SortOrder::Ascending => *within.start(),
                SortOrder::Descending => *within.end(),
            }),
            within,
        }
    }

    /// Entries of the index that were read so far.
    #[cfg(test)]
    fn looked(&self) -> usize {
        let walks = self.filters.iter().flatten();
        walks.map(|walk| walk.looked).sum()
    }

    /// The first one from here on.
    fn find(&mut self, from: u64) -> Result<Option<u64>, StorageError> {
        let (mut candidate, mut agreed) = (from, 0);
        for place in (0..self.filters.len()).cycle() {
            let mut nearest = None;
            for walk in &mut self.filters[place] {
                let found = walk.seek(candidate)?;
                nearest = match (nearest, found) {
                    (Some(one), Some(other)) if is_reached(self.order, one, other) => Some(other),
                    (None, found) => found,
                    (nearest, _) => nearest,
                };
            }
            match nearest {
                None => return Ok(None),
                Some(same) if same == candidate => agreed += 1,
                Some(further) => (candidate, agreed) = (further, 1),
            }
            if agreed == self.filters.len() {
                break;
            }
        }
        Ok(Some(candidate).filter(|found| self.within.contains(found)))
    }
}

impl<T: ReadableTable<&'static [u8], ()>> Iterator for Matches<'_, T> {
    type Item = Result<u64, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.next.take()?;
        let found = self.find(from).transpose()?;
        if let Ok(found) = found {
            self.next = match self.order {
                SortOrder::Ascending => found.checked_add(1),
                SortOrder::Descending => found.checked_sub(1),
            };
        }
        Some(found)
    }
}

/// Whether a walk that stands at `at` has come to `target`, or past it.
fn is_reached(order: SortOrder, at: u64, target: u64) -> bool {
    match order {
        SortOrder::Ascending => at >= target,
        SortOrder::Descending => at <= target,
    }
}

/// The records with one value.
struct Walk<'t, T> {
    index: &'t T,
    prefix: Vec<u8>,
    order: SortOrder,
    range: Option<Range<'t, &'static [u8], ()>>,
    /// `None`: at the end.
    at: Option<u64>,
    /// Entries that were read.
    #[cfg(test)]
    looked: usize,
}

impl<T: ReadableTable<&'static [u8], ()>> Walk<'_, T> {
    /// The first record from the target on, in the order of the walk. Targets come in that order too.
    fn seek(&mut self, target: u64) -> Result<Option<u64>, StorageError> {
        if self.range.is_none() {
            self.set(target)?;
        }
        for _ in 0..STEPS {
            match self.at {
                Some(at) if !is_reached(self.order, at, target) => self.step()?,
                at => return Ok(at),
            }
        }
        self.set(target)?;
        Ok(self.at)
    }

    fn set(&mut self, target: u64) -> Result<(), StorageError> {
        let mut edge = self.prefix.clone();
        edge.extend(target.to_be_bytes());
        let behind = index::behind(&self.prefix);
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = match self.order {
            SortOrder::Ascending => (Bound::Included(&edge), Bound::Excluded(&behind)),
            SortOrder::Descending => (Bound::Included(&self.prefix), Bound::Included(&edge)),
        };
        self.range = Some(self.index.range::<&[u8]>(bounds)?);
        self.step()
    }

    fn step(&mut self) -> Result<(), StorageError> {
        #[cfg(test)]
        {
            self.looked += 1;
        }
        let entry = match (&mut self.range, self.order) {
            (None, _) => None,
            (Some(range), SortOrder::Ascending) => range.next(),
            (Some(range), SortOrder::Descending) => range.next_back(),
        };
        let entry = entry.transpose()?;
        self.at = entry.map(|(key, _)| index::sequence(key.value()));
        Ok(())
    }
}

/// Whether all filters hold for a record.
pub(super) fn hold(
    index: &impl ReadableTable<&'static [u8], ()>,
    table: Table,
    filters: &Filters<'_>,
    sequence: u64,
) -> Result<bool, StorageError> {
    for allowed in filters {
        let mut holds = false;
        for (field, value) in allowed.each() {
            let entry = index::entry(table, field, value, sequence);
            holds |= index.get(entry.as_slice())?.is_some();
        }
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Query;
    use crate::redb_store::find;
    use crate::redb_store::schema::INDEX;
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase};

    const TABLE: Table = Table::Node;
    const FIELDS: [&str; 3] = ["driver", "owner", "shard"];

    type Index = ReadOnlyTable<&'static [u8], ()>;

    fn text(value: usize) -> FieldValue {
        FieldValue::Text(value.to_string())
    }

    /// Records 1, 2, ...: the values that each has in the three fields.
    fn indexed(records: &[[usize; 3]]) -> (Database, Index) {
        let database = Builder::new().create_with_backend(InMemoryBackend::new());
        let database = database.unwrap();
        let write = database.begin_write().unwrap();
        let mut index = write.open_table(INDEX).unwrap();
        for (sequence, values) in (1..).zip(records) {
            for (name, value) in FIELDS.iter().zip(values) {
                let field = TABLE.field(name).unwrap();
                let entry = index::entry(TABLE, field, &text(*value), sequence);
                index.insert(entry.as_slice(), ()).unwrap();
            }
        }
        drop(index);
        write.commit().unwrap();
        let index = database.begin_read().unwrap().open_table(INDEX).unwrap();
        (database, index)
    }

    fn named(filters: &[Vec<usize>]) -> Query {
        let filters = FIELDS.into_iter().zip(filters);
        filters.fold(Query::all(TABLE), |query, (name, values)| {
            query.filter(name, values.iter().copied().map(text).collect())
        })
    }

    fn order(backwards: bool) -> SortOrder {
        match backwards {
            true => SortOrder::Descending,
            false => SortOrder::Ascending,
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_found_in_order(
            records in proptest::collection::vec(proptest::array::uniform3(0..4_usize), 0..60),
            filters in proptest::collection::vec(proptest::collection::vec(0..5_usize, 0..3), 1..4),
            either in proptest::collection::vec(0..5_usize, 0..3),
            backwards in any::<bool>(),
            first in 0..70_u64,
        ) {
            let (_database, index) = indexed(&records);
            let mut named = named(&filters);
            if !either.is_empty() {
                let values = either.iter().copied().map(text).collect();
                named = named.filter_any(&[FIELDS[0], FIELDS[2]], values);
            }
            let known = find::filters(&named).unwrap();
            let matches = Matches::new(&index, TABLE, &known, order(backwards), first..=50);
            let found: Vec<u64> = matches.map(Result::unwrap).collect();
            let holds = |values: &[usize; 3]| {
                let mut filters = filters.iter().zip(values);
                let has_either = [values[0], values[2]].iter().any(|value| either.contains(value));
                filters.all(|(allowed, value)| allowed.contains(value))
                    && (either.is_empty() || has_either)
            };
            let all = (1..).zip(&records);
            let mut expected: Vec<u64> = all
                .filter(|(sequence, values)| (first..=50).contains(sequence) && holds(values))
                .map(|(sequence, _)| sequence)
                .collect();
            if backwards {
                expected.reverse();
            }
            prop_assert_eq!(found, expected);
            for (sequence, values) in (1..).zip(&records) {
                let found = hold(&index, TABLE, &known, sequence).unwrap();
                prop_assert_eq!(found, holds(values));
            }
        }
    }

    /// How many entries are read for the first `limit` records that match.
    fn looked_at(index: &Index, filters: &[Vec<usize>], limit: usize, backwards: bool) -> usize {
        let named = named(filters);
        let known = find::filters(&named).unwrap();
        let mut matches = Matches::new(index, TABLE, &known, order(backwards), 0..=u64::MAX);
        let found = matches.by_ref().take(limit).count();
        assert_eq!(found, limit);
        matches.looked()
    }

    #[test]
    fn a_page_costs_as_much_among_many_records_as_among_few() {
        let records = |count: usize| -> Vec<[usize; 3]> {
            (0..count)
                .map(|number| [number % 2, number % 10, 0])
                .collect()
        };
        let (_small, few) = indexed(&records(1_000));
        let (_large, many) = indexed(&records(20_000));
        for filters in [
            vec![vec![1]],
            vec![vec![0, 1], vec![3, 5]],
            vec![vec![0], vec![4], vec![0]],
        ] {
            for backwards in [false, true] {
                let at_few = looked_at(&few, &filters, 50, backwards);
                let at_many = looked_at(&many, &filters, 50, backwards);
                assert!(
                    at_many <= at_few + 2 * filters.len(),
                    "{at_many} for {filters:?}, not {at_few}"
                );
            }
        }
    }

    #[test]
    fn what_only_few_have_is_found_without_a_look_at_the_others() {
        let records: Vec<_> = (0..20_000).map(|number| [0, number / 10_000, 0]).collect();
        let (_database, index) = indexed(&records);
        let filters = [vec![0], vec![1]];
        assert!(looked_at(&index, &filters, 5, false) < 100);
    }
}
