//! Keys of the index: table, field, value, sequence. A prefix of one stands for all records with that field or value.

use super::schema::number;
use crate::record::{FieldValue, Table};
use crate::value;
use redb::{Range, ReadableTable, StorageError};

/// All records, ordered by this field.
pub(super) fn of_field(table: Table, field: usize) -> Vec<u8> {
    let field = u8::try_from(field).expect("a table has fewer than 256 fields");
    vec![number(table), field]
}

/// All records with this value.
pub(super) fn of_value(table: Table, field: usize, value: &FieldValue) -> Vec<u8> {
    let mut key = of_field(table, field);
    value::encode(value, &mut key);
    key
}

/// One record.
pub(super) fn entry(table: Table, field: usize, value: &FieldValue, sequence: u64) -> Vec<u8> {
    let mut key = of_value(table, field, value);
    key.extend(sequence.to_be_bytes());
    key
}

/// The record that an entry stands for.
pub(super) fn sequence(key: &[u8]) -> u64 {
    let tail = key.last_chunk().expect("an entry ends with a sequence");
    u64::from_be_bytes(*tail)
}

/// The entries that begin with this, in order.
pub(super) fn scan<'t>(
    index: &'t impl ReadableTable<&'static [u8], ()>,
    prefix: &[u8],
) -> Result<Range<'t, &'static [u8], ()>, StorageError> {
    index.range::<&[u8]>(prefix..&behind(prefix))
}

/// The first key that does not begin with this any more. A prefix begins with a table's number, which is never 255.
pub(super) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}
