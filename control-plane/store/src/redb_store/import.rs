//! The embedded store's side of a copy from store to store.

use super::RedbStore;
use super::commit::Tables;
use super::engine::Engine;
use super::error::{failed, unsealed};
use super::schema::{NOTES, NUMBERS, number};
use super::{envelope, events, index, sealed_fields};
use crate::transaction::Put;
use crate::transfer::{Counters, Movable, Moved, UNFINISHED_COPY};
use crate::{StoreError, StoredEvent, entities};
use async_trait::async_trait;
use redb::{ReadableDatabase, WriteTransaction};

const DOING: &str = "copying into the store";

#[async_trait]
impl Movable for RedbStore {
    fn place(&self) -> String {
        self.shared.place.clone()
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        self.read(Engine::counters).await
    }

    async fn begin_import(&self) -> Result<(), StoreError> {
        self.once(|engine| {
            engine.whole(|write| {
                let mut notes = write.open_table(NOTES).map_err(failed(DOING))?;
                let nothing: &[u8] = &[];
                notes
                    .insert(UNFINISHED_COPY, nothing)
                    .map_err(failed(DOING))?;
                Ok(())
            })
        })
        .await
    }

    async fn import_records(&self, records: Vec<Moved>) -> Result<(), StoreError> {
        self.once(move |engine| {
            engine.whole(|write| {
                let mut tables = Tables::open(write).map_err(failed(DOING))?;
                let mut records = records.into_iter();
                records.try_for_each(|moved| engine.import(&mut tables, moved))
            })
        })
        .await
    }

    async fn import_events(&self, events: Vec<StoredEvent>) -> Result<(), StoreError> {
        self.once(move |engine| {
            engine.whole(|write| {
                let mut tables = Tables::open(write).map_err(failed(DOING))?;
                let mut events = events.iter();
                events.try_for_each(|stored| {
                    let (sequence, event) = (stored.sequence, &stored.event);
                    events::append(&mut tables, &engine.sealer, sequence, event)
                })
            })
        })
        .await
    }

    async fn finish_import(&self, counters: Counters) -> Result<(), StoreError> {
        self.once(move |engine| {
            engine.whole(|write| {
                let mut tables = Tables::open(write).map_err(failed(DOING))?;
                counters.write(&mut tables)?;
                let mut notes = write.open_table(NOTES).map_err(failed(DOING))?;
                notes.remove(UNFINISHED_COPY).map_err(failed(DOING))?;
                Ok(())
            })
        })
        .await
    }
}

impl Engine {
    /// One transaction of the database.
    pub(super) fn whole(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let write = self.database.begin_write().map_err(failed(DOING))?;
        work(&write)?;
        write.commit().map_err(failed(DOING))
    }

    fn counters(&self) -> Result<Counters, StoreError> {
        let read = self.database.begin_read().map_err(failed(DOING))?;
        let numbers = read.open_table(NUMBERS).map_err(failed(DOING))?;
        Counters::read(&numbers)
    }

    fn import(&self, tables: &mut Tables<'_>, moved: Moved) -> Result<(), StoreError> {
        let record = moved.record;
        let (table, sequence) = (record.key.table, record.sequence);
        let sealed_fields = entities::sealed_fields_of(&record.key, &record.document)?;
        let put = Put {
            key: record.key,
            document: record.document,
            fields: record.fields,
            sealed_fields,
            unique: &[],
            epoch: moved.epoch,
        };
        let bytes = envelope::encode(&put, record.revision, &self.sealer).map_err(unsealed)?;
        let id = (number(table), put.key.id.as_str());
        tables.ids.insert(id, sequence).map_err(failed(DOING))?;
        let place = (number(table), sequence);
        let inserted = tables.records.insert(place, bytes.as_slice());
        inserted.map_err(failed(DOING))?;
        let sealed = &mut tables.sealed_fields;
        sealed_fields::write(sealed, &self.sealer, place, &put.sealed_fields)?;
        for (field, (_, value)) in put.fields.iter().enumerate() {
            let entry = index::entry(table, field, value, sequence);
            let inserted = tables.index.insert(entry.as_slice(), ());
            inserted.map_err(failed(DOING))?;
        }
        Ok(())
    }
}
