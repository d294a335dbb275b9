//! What must hold before a transaction writes: its expectations, and that unique values stay unique.

use super::commit::Tables;
use super::envelope::{self, Head};
use super::error::{failed, unreadable};
use super::index;
use super::schema::number;
use crate::StoreError;
use crate::record::{FieldValue, Key};
use crate::transaction::{Expectation, Put, Transaction};
use redb::ReadableTable;

/// Writes nothing.
pub(super) fn transaction(
    tables: &Tables<'_>,
    transaction: &Transaction,
) -> Result<(), StoreError> {
    for expectation in &transaction.expect {
        expected(tables, expectation)?;
    }
    for (place, put) in transaction.put.iter().enumerate() {
        // Of several documents for one record the last one counts.
        if !is_replaced(transaction, place) {
            unique(tables, transaction, put)?;
        }
    }
    Ok(())
}

/// Whether a later put of the same transaction has the same key.
pub(super) fn is_replaced(transaction: &Transaction, place: usize) -> bool {
    let put = &transaction.put[place];
    transaction.put[place + 1..]
        .iter()
        .any(|later| later.key == put.key)
}

fn expected(tables: &Tables<'_>, expectation: &Expectation) -> Result<(), StoreError> {
    let (key, wanted) = match expectation {
        Expectation::Revision(key, revision) => (key, format!("revision {}", revision.0)),
        Expectation::Absent(key) => (key, "no record".to_owned()),
        Expectation::Epoch(key, epoch) => (key, format!("epoch {}", epoch.0)),
    };
    let head = head_of(tables, key)?;
    let found = match (expectation, &head) {
        (Expectation::Absent(_), None) => return Ok(()),
        (Expectation::Revision(_, revision), Some(head)) if head.revision == *revision => {
            return Ok(());
        }
        (Expectation::Epoch(_, epoch), Some(head)) => match head.epoch {
            Some(found) if found != *epoch => format!("epoch {}", found.0),
            _ => return Ok(()),
        },
        (_, Some(head)) => format!("revision {}", head.revision.0),
        (_, None) => "no record".to_owned(),
    };
    Err(StoreError::Stale {
        key: key.clone(),
        expected: wanted,
        found,
    })
}

fn head_of(tables: &Tables<'_>, key: &Key) -> Result<Option<Head>, StoreError> {
    let doing = "reading a record";
    let id = (number(key.table), key.id.as_str());
    let Some(sequence) = tables.ids.get(id).map_err(failed(doing))? else {
        return Ok(None);
    };
    let place = (number(key.table), sequence.value());
    let Some(bytes) = tables.records.get(place).map_err(failed(doing))? else {
        return Ok(None);
    };
    let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
    Ok(Some(head))
}

fn unique(tables: &Tables<'_>, transaction: &Transaction, put: &Put) -> Result<(), StoreError> {
    for (field, (name, value)) in put.fields.iter().enumerate() {
        if !put.unique.contains(name) || *value == FieldValue::Null {
            continue;
        }
        if let Some(holder) = holder(tables, transaction, put, (field, value))? {
            return Err(StoreError::NotUnique {
                table: put.key.table,
                field: name,
                value: plain(value),
                holder,
            });
        }
    }
    Ok(())
}

/// Who would have the value too once the transaction is done.
fn holder(
    tables: &Tables<'_>,
    transaction: &Transaction,
    put: &Put,
    (field, value): (usize, &FieldValue),
) -> Result<Option<String>, StoreError> {
    for (place, other) in transaction.put.iter().enumerate() {
        let same_value = other.fields.get(field).is_some_and(|(_, has)| has == value);
        let another = other.key.table == put.key.table && other.key != put.key;
        if another && same_value && !is_replaced(transaction, place) {
            return Ok(Some(other.key.id.clone()));
        }
    }
    let doing = "checking that a value is unique";
    let prefix = index::of_value(put.key.table, field, value);
    let entries = index::scan(&tables.index, &prefix).map_err(failed(doing))?;
    for entry in entries {
        let (entry, _) = entry.map_err(failed(doing))?;
        let place = (number(put.key.table), index::sequence(entry.value()));
        let Some(bytes) = tables.records.get(place).map_err(failed(doing))? else {
            continue;
        };
        let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
        let key = Key::new(put.key.table, head.id);
        let written_here = transaction.put.iter().any(|other| other.key == key);
        if !written_here && !transaction.delete.contains(&key) {
            return Ok(Some(key.id));
        }
    }
    Ok(None)
}

fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Null => "null".to_owned(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Integer(value) => value.to_string(),
        FieldValue::Text(value) => value.clone(),
    }
}
