//! What lists can be sorted by and may stand in clear nowhere: sealed beside the record, so that sorting opens no document.
//! A record with none of it has no entry.

use super::error::{failed, unreadable, unsealed};
use super::{envelope::EnvelopeError, schema::number};
use crate::StoreError;
use crate::record::{FieldValue, Table};
use crate::seal::{Sealer, place_of_sealed_fields};
use crate::value;
use redb::ReadableTable;

const READING: &str = "reading sealed fields";
const WRITING: &str = "writing sealed fields";

/// (table, sequence)
type Place = (u8, u64);

/// What a record has is to be these, and nothing is written where it is already.
pub(super) fn write(
    sealed_fields: &mut redb::Table<'_, Place, &'static [u8]>,
    sealer: &Sealer,
    place: Place,
    values: &[FieldValue],
) -> Result<(), StoreError> {
    if values.is_empty() {
        return Ok(());
    }
    let Some(clear) = value::encode_sealed(values) else {
        let removed = sealed_fields.remove(place);
        return removed.map(drop).map_err(failed(WRITING));
    };
    let binding = place_of_sealed_fields(place.0, place.1);
    let standing = sealed_fields.get(place).map_err(failed(WRITING))?;
    let stands = standing.is_some_and(|sealed| {
        let sealed = sealed.value();
        sealer.is_current(sealed) && sealer.open(&binding, sealed).is_ok_and(|has| has == clear)
    });
    if stands {
        return Ok(());
    }
    let sealed = sealer.seal(&binding, &clear).map_err(unsealed)?;
    let written = sealed_fields.insert(place, sealed.as_slice());
    written.map(drop).map_err(failed(WRITING))
}

/// The values of one field but for null, with the records that have them.
pub(super) fn scan(
    sealed_fields: &impl ReadableTable<Place, &'static [u8]>,
    (table, field): (Table, usize),
    sealer: &Sealer,
) -> Result<Vec<(FieldValue, u64)>, StoreError> {
    let range = (number(table), 0)..=(number(table), u64::MAX);
    let range = sealed_fields.range(range).map_err(failed(READING))?;
    let mut values = Vec::new();
    for entry in range {
        let (place, sealed) = entry.map_err(failed(READING))?;
        let (table, sequence) = place.value();
        let binding = place_of_sealed_fields(table, sequence);
        let clear = sealer.open(&binding, sealed.value()).map_err(unsealed)?;
        match nth(&clear, field) {
            Some(FieldValue::Null) => {}
            Some(value) => values.push((value, sequence)),
            None => return Err(unreadable(EnvelopeError::Damaged)),
        }
    }
    Ok(values)
}

fn nth(mut clear: &[u8], field: usize) -> Option<FieldValue> {
    for _ in 0..field {
        value::skip(&mut clear)?;
    }
    value::decode(&mut clear)
}

/// Sealed by the key that seals, if it is not yet.
pub(super) fn resealed(
    sealer: &Sealer,
    place: Place,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    if sealer.is_current(sealed) {
        return Ok(None);
    }
    let binding = place_of_sealed_fields(place.0, place.1);
    let clear = sealer.open(&binding, sealed).map_err(unsealed)?;
    sealer.seal(&binding, &clear).map(Some).map_err(unsealed)
}
