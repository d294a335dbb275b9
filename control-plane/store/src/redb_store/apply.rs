//! Writes a checked transaction: deletes first, then puts, then events, of which old ones go before new ones come.

use super::commit::Tables;
use super::envelope;
use super::error::{failed, unreadable, unsealed};
use super::schema::{NUMBER_EVENT, NUMBER_REVISION, NUMBER_SEQUENCE, number};
use super::{events, index, sealed_fields};
use crate::StoreError;
use crate::check::is_replaced;
use crate::record::{FieldValue, Key, Revision};
use crate::seal::Sealer;
use crate::transaction::{Put, Transaction};
use crate::transfer::Counters;
use redb::ReadableTable;

impl Counters {
    pub(super) fn read(
        numbers: &impl ReadableTable<&'static str, u64>,
    ) -> Result<Self, StoreError> {
        let read = |name| {
            let number = numbers.get(name);
            let number = number.map_err(failed("reading a counter"))?;
            Ok::<_, StoreError>(number.map_or(0, |number| number.value()))
        };
        Ok(Self {
            revision: read(NUMBER_REVISION)?,
            sequence: read(NUMBER_SEQUENCE)?,
            event: read(NUMBER_EVENT)?,
        })
    }

    pub(super) fn write(&self, tables: &mut Tables<'_>) -> Result<(), StoreError> {
        for (name, number) in [
            (NUMBER_REVISION, self.revision),
            (NUMBER_SEQUENCE, self.sequence),
            (NUMBER_EVENT, self.event),
        ] {
            let written = tables.numbers.insert(name, number);
            written.map_err(failed("writing a counter"))?;
        }
        Ok(())
    }
}

/// What stood in the place of a record before.
struct Old {
    sequence: u64,
    values: Vec<FieldValue>,
}

pub(super) fn transaction(
    tables: &mut Tables<'_>,
    sealer: &Sealer,
    counters: &mut Counters,
    transaction: &Transaction,
) -> Result<Revision, StoreError> {
    counters.revision += 1;
    let revision = Revision(counters.revision);
    for key in &transaction.delete {
        delete(tables, key)?;
    }
    for (place, put) in transaction.put.iter().enumerate() {
        if !is_replaced(transaction, place) {
            let document = envelope::encode(put, revision, sealer).map_err(unsealed)?;
            let place = write(tables, counters, put, &document)?;
            sealed_fields::write(&mut tables.sealed_fields, sealer, place, &put.sealed_fields)?;
        }
    }
    for forget in &transaction.forget {
        events::forget(tables, forget)?;
    }
    for event in &transaction.events {
        counters.event += 1;
        events::append(tables, sealer, counters.event, event)?;
    }
    Ok(revision)
}

fn delete(tables: &mut Tables<'_>, key: &Key) -> Result<(), StoreError> {
    let doing = "deleting a record";
    let Some(old) = old(tables, key)? else {
        return Ok(());
    };
    let place = (number(key.table), old.sequence);
    tables.records.remove(place).map_err(failed(doing))?;
    let removed = tables.sealed_fields.remove(place);
    removed.map_err(failed(doing))?;
    let id = (number(key.table), key.id.as_str());
    tables.ids.remove(id).map_err(failed(doing))?;
    for (field, value) in old.values.iter().enumerate() {
        let entry = index::entry(key.table, field, value, old.sequence);
        let removed = tables.index.remove(entry.as_slice());
        removed.map_err(failed(doing))?;
    }
    Ok(())
}

fn write(
    tables: &mut Tables<'_>,
    counters: &mut Counters,
    put: &Put,
    bytes: &[u8],
) -> Result<(u8, u64), StoreError> {
    let doing = "writing a record";
    let table = put.key.table;
    let old = old(tables, &put.key)?;
    let sequence = if let Some(old) = &old {
        old.sequence
    } else {
        counters.sequence += 1;
        let id = (number(table), put.key.id.as_str());
        let inserted = tables.ids.insert(id, counters.sequence);
        inserted.map_err(failed(doing))?;
        counters.sequence
    };
    let place = (number(table), sequence);
    tables.records.insert(place, bytes).map_err(failed(doing))?;
    for (field, (_, value)) in put.fields.iter().enumerate() {
        let before = old.as_ref().and_then(|old| old.values.get(field));
        if before == Some(value) {
            continue;
        }
        if let Some(before) = before {
            let entry = index::entry(table, field, before, sequence);
            let removed = tables.index.remove(entry.as_slice());
            removed.map_err(failed(doing))?;
        }
        let entry = index::entry(table, field, value, sequence);
        let inserted = tables.index.insert(entry.as_slice(), ());
        inserted.map_err(failed(doing))?;
    }
    Ok(place)
}

fn old(tables: &Tables<'_>, key: &Key) -> Result<Option<Old>, StoreError> {
    let doing = "reading the record that is replaced";
    let id = (number(key.table), key.id.as_str());
    let Some(sequence) = tables.ids.get(id).map_err(failed(doing))? else {
        return Ok(None);
    };
    let sequence = sequence.value();
    let place = (number(key.table), sequence);
    let Some(bytes) = tables.records.get(place).map_err(failed(doing))? else {
        return Ok(None);
    };
    let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
    Ok(Some(Old {
        sequence,
        values: head.values,
    }))
}
