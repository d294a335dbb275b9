//! How a record lies in its row, and in the table of indexed fields.
//!
//! A row names its fields, so that releases that index others can read it: what one does not know it leaves out, what
//! is missing is null.

use super::failure::failed;
use crate::StoreError;
use crate::record::{FieldValue, Key, Outline, Record, Revision, Table};
use crate::redb_store::envelope::DOCUMENT_VERSION;
use crate::seal::{Sealer, place_of_record};
use crate::value;
use aws_lc_rs::digest::{SHA256, digest};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

const READING: &str = "reading a record";

/// A value that is longer is cut in the index and ends in its digest: an entry must fit into a third of a page. Equality
/// stays exact; values that are the same up to here sort among themselves by digest.
const LONGEST_INDEXED: usize = 1024;

/// Of documents, as the embedded store writes it too.
pub(super) const LAYOUT: i16 = DOCUMENT_VERSION.cast_signed();

/// Why a row is no record.
#[derive(Debug, thiserror::Error)]
enum RowError {
    #[error("the record was written by a newer release (document {0})")]
    Newer(i16),
    #[error("the fields of a record are damaged")]
    Damaged,
}

pub(super) const fn kind(table: Table) -> i16 {
    table.number() as i16
}

/// A value as it stands in the index.
pub(super) fn indexed(value: &FieldValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    value::encode(value, &mut bytes);
    if bytes.len() > LONGEST_INDEXED {
        let hash = digest(&SHA256, &bytes);
        bytes.truncate(LONGEST_INDEXED - hash.as_ref().len());
        bytes.extend(hash.as_ref());
    }
    bytes
}

/// Names and values, one behind the other.
pub(super) fn encode_fields(fields: &[(impl AsRef<str>, FieldValue)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        value::encode(&FieldValue::Text(name.as_ref().to_owned()), &mut bytes);
        value::encode(value, &mut bytes);
    }
    bytes
}

/// With the names of whatever release wrote them.
pub(super) fn decode_fields(mut bytes: &[u8]) -> Result<Vec<(String, FieldValue)>, StoreError> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let Some(FieldValue::Text(name)) = value::decode(&mut bytes) else {
            return Err(unreadable(RowError::Damaged));
        };
        let value = value::decode(&mut bytes).ok_or_else(|| unreadable(RowError::Damaged))?;
        fields.push((name, value));
    }
    Ok(fields)
}

/// Those at these places, in the order of this release.
fn known_fields(
    table: Table,
    places: &[usize],
    bytes: &[u8],
) -> Result<Vec<(&'static str, FieldValue)>, StoreError> {
    let mut written = decode_fields(bytes)?;
    let known = places.iter().map(|place| (*place, &table.fields()[*place]));
    Ok(known
        .map(|(place, name)| {
            // As a rule they stand where they are expected.
            let found = match written.get(place) {
                Some((there, _)) if there == name => Some(place),
                _ => written.iter().position(|(there, _)| there == name),
            };
            let value =
                found.map(|place| std::mem::replace(&mut written[place].1, FieldValue::Null));
            (*name, value.unwrap_or(FieldValue::Null))
        })
        .collect())
}

/// The columns place, id, revision and fields, of these those at the places.
pub(super) fn outline(table: Table, places: &[usize], row: &Row) -> Result<Outline, StoreError> {
    let id: Vec<u8> = column(row, "id")?;
    let id = String::from_utf8(id).map_err(|_| unreadable(RowError::Damaged))?;
    let fields: &[u8] = column(row, "fields")?;
    Ok(Outline {
        key: Key::new(table, id),
        revision: Revision(number(row, "revision")?),
        sequence: number(row, "place")?,
        fields: known_fields(table, places, fields)?,
    })
}

/// With layout and document.
pub(super) fn record(table: Table, row: &Row, sealer: &Sealer) -> Result<Record, StoreError> {
    let layout: i16 = column(row, "layout")?;
    if layout > LAYOUT {
        return Err(unreadable(RowError::Newer(layout)));
    }
    let all: Vec<usize> = (0..table.fields().len()).collect();
    let outline = outline(table, &all, row)?;
    let document = open(sealer, &outline.key, column(row, "document")?)?;
    Ok(Record {
        key: outline.key,
        revision: outline.revision,
        sequence: outline.sequence,
        document,
        fields: outline.fields,
    })
}

pub(super) fn open(sealer: &Sealer, key: &Key, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.open(&place_of_record(key), sealed)?)
}

/// A column of the statement that gave the row.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, name: &str) -> Result<T, StoreError> {
    row.try_get(name).map_err(|error| failed(READING, error))
}

/// A number that is never negative.
pub(super) fn number(row: &Row, name: &str) -> Result<u64, StoreError> {
    column::<i64>(row, name).map(i64::cast_unsigned)
}

pub(super) fn unreadable(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Backend {
        doing: READING,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    #[test]
    fn fields_of_another_release_are_read() {
        let written = encode_fields(&[
            ("address", text("52:54:00:00:00:01")),
            ("colour", text("red")),
            ("uuid", text("1")),
        ]);
        let all: Vec<usize> = (0..Table::Port.fields().len()).collect();
        let fields = known_fields(Table::Port, &all, &written).unwrap();
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, Table::Port.fields());
        assert_eq!(fields[0], ("uuid", text("1")));
        assert_eq!(fields[1], ("address", text("52:54:00:00:00:01")));
        assert_eq!(fields[2], ("node_uuid", FieldValue::Null));
        let some = known_fields(Table::Port, &[1], &written).unwrap();
        assert_eq!(some, fields[1..2]);
    }

    #[test]
    fn damaged_fields_are_told() {
        let mut bytes = encode_fields(&[("uuid", text("1"))]);
        bytes.pop();
        assert!(decode_fields(&bytes).is_err());
    }

    #[test]
    fn long_values_fit_and_stay_apart() {
        let long = "x".repeat(5000);
        let (one, two) = (text(&format!("{long}a")), text(&format!("{long}b")));
        assert_eq!(indexed(&one).len(), LONGEST_INDEXED);
        assert_ne!(indexed(&one), indexed(&two));
        assert!(indexed(&text("x")) < indexed(&one));
        assert!(indexed(&one) < indexed(&text("y")));
    }
}
