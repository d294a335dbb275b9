//! Indexes made anew when a release has other indexed or sealed fields than the one that wrote the file.

use super::engine::Engine;
use super::envelope;
use super::error::{failed, unreadable, unsealed};
use super::index;
use super::schema::{INDEX, NOTE_FIELDS, NOTES, RECORDS, SEALED_FIELDS, number};
use super::sealed_fields;
use crate::StoreError;
use crate::entities;
use crate::record::{Key, Revision, Table};
use crate::seal::place_of_record;
use crate::transaction::Put;
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

const DOING: &str = "making the indexes anew";

/// One transaction: a crash leaves the old indexes with the old note.
pub(super) fn when_fields_changed(engine: &Engine, fields: &str) -> Result<(), StoreError> {
    if written_fields(engine)?.as_deref() == Some(fields.as_bytes()) {
        return Ok(());
    }
    tracing::info!("the indexed fields have changed: making the indexes anew");
    let write = engine.database.begin_write().map_err(failed(DOING))?;
    write.delete_table(INDEX).map_err(failed(DOING))?;
    write.delete_table(SEALED_FIELDS).map_err(failed(DOING))?;
    for table in Table::ALL {
        reindex(engine, &write, *table)?;
    }
    write
        .open_table(NOTES)
        .map_err(failed(DOING))?
        .insert(NOTE_FIELDS, fields.as_bytes())
        .map_err(failed(DOING))?;
    write.commit().map_err(failed(DOING))
}

fn written_fields(engine: &Engine) -> Result<Option<Vec<u8>>, StoreError> {
    let read = engine.database.begin_read().map_err(failed(DOING))?;
    let notes = read.open_table(NOTES).map_err(failed(DOING))?;
    let note = notes.get(NOTE_FIELDS).map_err(failed(DOING))?;
    Ok(note.map(|note| note.value().to_vec()))
}

/// Record by record: a table of large documents never stands in memory whole.
fn reindex(engine: &Engine, write: &WriteTransaction, table: Table) -> Result<(), StoreError> {
    let mut records = write.open_table(RECORDS).map_err(failed(DOING))?;
    let mut index = write.open_table(INDEX).map_err(failed(DOING))?;
    let mut sealed = write.open_table(SEALED_FIELDS).map_err(failed(DOING))?;
    for sequence in sequences(&records, table)? {
        let place = (number(table), sequence);
        let bytes = records.get(place).map_err(failed(DOING))?;
        let Some(bytes) = bytes.map(|bytes| bytes.value().to_vec()) else {
            continue;
        };
        let (put, revision) = with_new_fields(engine, table, &bytes)?;
        let bytes = envelope::encode(&put, revision, &engine.sealer).map_err(unsealed)?;
        records
            .insert(place, bytes.as_slice())
            .map_err(failed(DOING))?;
        sealed_fields::write(&mut sealed, &engine.sealer, place, &put.sealed_fields)?;
        for (field, (_, value)) in put.fields.iter().enumerate() {
            let entry = index::entry(table, field, value, sequence);
            index.insert(entry.as_slice(), ()).map_err(failed(DOING))?;
        }
    }
    Ok(())
}

fn sequences(
    records: &impl ReadableTable<(u8, u64), &'static [u8]>,
    table: Table,
) -> Result<Vec<u64>, StoreError> {
    let range = (number(table), 0)..=(number(table), u64::MAX);
    let entries = records.range(range).map_err(failed(DOING))?;
    let places = entries.map(|entry| entry.map(|(place, _)| place.value().1));
    places.collect::<Result<_, _>>().map_err(failed(DOING))
}

/// The record as it stands, with the fields that this release takes from its document.
fn with_new_fields(
    engine: &Engine,
    table: Table,
    bytes: &[u8],
) -> Result<(Put, Revision), StoreError> {
    let (head, sealed) = envelope::head(bytes).map_err(unreadable)?;
    let key = Key::new(table, head.id);
    let document = engine
        .sealer
        .open(&place_of_record(&key), sealed)
        .map_err(unsealed)?;
    let fields = entities::fields_of(&key, &document)?;
    let sealed_fields = entities::sealed_fields_of(&key, &document)?;
    let put = Put {
        key,
        document,
        fields,
        sealed_fields,
        unique: &[],
        epoch: head.epoch,
    };
    Ok((put, head.revision))
}
