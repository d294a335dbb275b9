//! Fields of all records as the index has them, column by column: for checks that no part of the index can be asked for.
//! The index lies close together; the records themselves lie among their documents.

use super::error::{failed, unreadable};
use super::query::DOING;
use super::{envelope::EnvelopeError, index};
use crate::StoreError;
use crate::record::{FieldValue, Table};
use crate::transaction::Check;
use crate::value;
use redb::ReadableTable;

/// The values of a field.
struct Column {
    /// Each once.
    values: Vec<FieldValue>,
    /// By sequence: the place of the record's value above.
    records: Vec<(u64, usize)>,
}

/// All records that a check holds for, in the order of creation.
pub(super) fn passing(
    index: &impl ReadableTable<&'static [u8], ()>,
    table: Table,
    check: &Check,
) -> Result<Vec<u64>, StoreError> {
    let columns = check.fields.iter();
    let columns = columns.map(|name| read(index, table, table.field(name)?));
    let columns = columns.collect::<Result<Vec<_>, StoreError>>()?;
    let Some((first, others)) = columns.split_first() else {
        return Ok(Vec::new());
    };
    let mut passing = Vec::new();
    let mut values = Vec::with_capacity(columns.len());
    for (row, (sequence, value)) in first.records.iter().enumerate() {
        values.clear();
        values.push(&first.values[*value]);
        for column in others {
            match column.records.get(row) {
                Some((same, value)) if same == sequence => values.push(&column.values[*value]),
                // Each record has one entry for each field.
                Some(_) | None => return Err(unreadable(EnvelopeError::Damaged)),
            }
        }
        if check.holds(&values) {
            passing.push(*sequence);
        }
    }
    Ok(passing)
}

fn read(
    index: &impl ReadableTable<&'static [u8], ()>,
    table: Table,
    field: usize,
) -> Result<Column, StoreError> {
    let prefix = index::of_field(table, field);
    let mut column = Column {
        values: Vec::new(),
        records: Vec::new(),
    };
    let mut last = Vec::new();
    for entry in index::scan(index, &prefix).map_err(failed(DOING))? {
        let (entry, _) = entry.map_err(failed(DOING))?;
        let entry = entry.value();
        let value = &entry[prefix.len()..entry.len() - size_of::<u64>()];
        if value != last {
            last.clear();
            last.extend_from_slice(value);
            let value = value::decode(&mut &*value);
            column
                .values
                .push(value.ok_or_else(|| unreadable(EnvelopeError::Damaged))?);
        }
        let place = column.values.len() - 1;
        column.records.push((index::sequence(entry), place));
    }
    column.records.sort_unstable();
    Ok(column)
}
