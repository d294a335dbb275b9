//! The embedded store's side of what an operator does with all of it.

use super::RedbStore;
use super::error::{failed, unreadable, unsealed};
use super::open;
use super::schema::{EVENTS, NOTE_KEY_CHECK, NOTES, RECORDS, SEALED_FIELDS, number};
use super::snapshot::RedbSnapshot;
use super::upgrade::CONVERSIONS;
use super::{engine::Engine, envelope, sealed_fields};
use crate::StoreError;
use crate::record::{Key, Table};
use crate::seal::{KEY_CHECK, KeyId, Sealer, place_of_event, place_of_record};
use crate::upkeep::{Part, Resealed, Scope, Snapshot, Upkeep};
use async_trait::async_trait;
use redb::{ReadableTable, WriteTransaction};
use std::fs;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

const RESEALING: &str = "sealing by the new key";
/// Of one commit: others wait for it.
const RECORDS_AT_ONCE: usize = 64;
const EVENTS_AT_ONCE: usize = 1000;

#[async_trait]
impl Upkeep for RedbStore {
    async fn snapshot(&self, scope: Scope) -> Result<Box<dyn Snapshot>, StoreError> {
        let (shared, inline) = (Arc::clone(&self.shared), self.writer.is_none());
        let begin = move |_: &_| RedbSnapshot::begin(shared, inline, scope);
        let snapshot = self.blocking(begin).await?;
        Ok(Box::new(snapshot))
    }

    fn sealer(&self) -> &Sealer {
        &self.shared.sealer
    }

    async fn wanted_key(&self) -> Result<Option<KeyId>, StoreError> {
        Ok(None)
    }

    /// One process, one key file.
    async fn begin_change(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reseal(&self, part: Part, after: u64) -> Result<Resealed, StoreError> {
        self.once(move |engine| match part {
            Part::Records(table) => {
                engine.reseal(|write| engine.reseal_records(write, table, after))
            }
            Part::Events => engine.reseal(|write| engine.reseal_events(write, after)),
        })
        .await
    }

    async fn end_change(&self) -> Result<(), StoreError> {
        self.once(|engine| {
            engine.whole(|write| {
                let check = engine.sealer.seal(KEY_CHECK, KEY_CHECK).map_err(unsealed)?;
                let mut notes = write.open_table(NOTES).map_err(failed(RESEALING))?;
                let noted = notes.insert(NOTE_KEY_CHECK, check.as_slice());
                noted.map_err(failed(RESEALING))?;
                Ok(())
            })
        })
        .await
    }
}

impl RedbStore {
    /// Makes the file as small as it can be; nobody else has it open. Answers its bytes before and after.
    ///
    /// # Errors
    /// As [`RedbStore::open`], and when the disk has no room to move pages.
    pub fn compact(
        path: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(u64, u64), StoreError> {
        let path = path.as_ref();
        let length = || {
            let metadata = fs::metadata(path);
            metadata.map_or(0, |metadata| metadata.len())
        };
        let mut engine = open::open(path, key.as_ref(), CONVERSIONS)?;
        let before = length();
        engine.compact()?;
        drop(engine);
        Ok((before, length()))
    }

    /// Whether the pages of the file are as their checksums say; repairs what it can. Nobody else has it open.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn check_pages(path: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<bool, StoreError> {
        let mut engine = open::open(path.as_ref(), key.as_ref(), CONVERSIONS)?;
        let checked = engine.database.check_integrity();
        checked.map_err(|source| StoreError::Backend {
            doing: "checking the pages of the file",
            source: Box::new(source),
        })
    }
}

impl Engine {
    fn reseal(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Resealed, StoreError>,
    ) -> Result<Resealed, StoreError> {
        let mut write = self.database.begin_write().map_err(failed(RESEALING))?;
        write.set_quick_repair(true);
        let resealed = work(&write)?;
        if resealed.count == 0 {
            write.abort().map_err(failed(RESEALING))?;
        } else {
            write.commit().map_err(failed(RESEALING))?;
        }
        Ok(resealed)
    }

    fn reseal_records(
        &self,
        write: &WriteTransaction,
        table: Table,
        after: u64,
    ) -> Result<Resealed, StoreError> {
        let mut records = write.open_table(RECORDS).map_err(failed(RESEALING))?;
        let mut fields = write.open_table(SEALED_FIELDS).map_err(failed(RESEALING))?;
        let mut resealed = Resealed::default();
        let mut changed = Vec::new();
        {
            let first = Bound::Excluded((number(table), after));
            let end = Bound::Included((number(table), u64::MAX));
            let range = records.range((first, end)).map_err(failed(RESEALING))?;
            for entry in range.take(RECORDS_AT_ONCE) {
                let (place, bytes) = entry.map_err(failed(RESEALING))?;
                let place = place.value();
                resealed.last = Some(place.1);
                if let Some(anew) = self.anew(table, bytes.value())? {
                    changed.push((place, anew));
                }
                let standing = fields.get(place).map_err(failed(RESEALING))?;
                let anew = match &standing {
                    Some(sealed) => sealed_fields::resealed(&self.sealer, place, sealed.value())?,
                    None => None,
                };
                drop(standing);
                if let Some(anew) = anew {
                    let written = fields.insert(place, anew.as_slice());
                    written.map_err(failed(RESEALING))?;
                    resealed.count += 1;
                }
            }
        }
        for (place, bytes) in changed {
            let written = records.insert(place, bytes.as_slice());
            written.map_err(failed(RESEALING))?;
            resealed.count += 1;
        }
        Ok(resealed)
    }

    /// `None`: it is sealed by the key that seals. The head stays as it is.
    fn anew(&self, table: Table, record: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (head, sealed) = envelope::head(record).map_err(unreadable)?;
        if self.sealer.is_current(sealed) {
            return Ok(None);
        }
        let binding = place_of_record(&Key::new(table, head.id));
        let clear = self.sealer.open(&binding, sealed).map_err(unsealed)?;
        let anew = self.sealer.seal(&binding, &clear).map_err(unsealed)?;
        let front = &record[..record.len() - sealed.len()];
        Ok(Some([front, &anew].concat()))
    }

    fn reseal_events(&self, write: &WriteTransaction, after: u64) -> Result<Resealed, StoreError> {
        let mut events = write.open_table(EVENTS).map_err(failed(RESEALING))?;
        let mut resealed = Resealed::default();
        let mut changed = Vec::new();
        {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            let range = events.range::<u64>(range).map_err(failed(RESEALING))?;
            for entry in range.take(EVENTS_AT_ONCE) {
                let (sequence, sealed) = entry.map_err(failed(RESEALING))?;
                let (sequence, sealed) = (sequence.value(), sealed.value());
                resealed.last = Some(sequence);
                if self.sealer.is_current(sealed) {
                    continue;
                }
                let binding = place_of_event(sequence);
                let clear = self.sealer.open(&binding, sealed).map_err(unsealed)?;
                let anew = self.sealer.seal(&binding, &clear).map_err(unsealed)?;
                changed.push((sequence, anew));
            }
        }
        for (sequence, sealed) in changed {
            let written = events.insert(sequence, sealed.as_slice());
            written.map_err(failed(RESEALING))?;
            resealed.count += 1;
        }
        Ok(resealed)
    }
}
