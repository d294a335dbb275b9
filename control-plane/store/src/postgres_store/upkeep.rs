//! The server's side of what an operator does with all of a store.

use super::PostgresStore;
use super::commit::sealing;
use super::connections::{ATTEMPTS, Lent, bounded, pause};
use super::failure::{Remedy, Trouble, failed, remedy};
use super::open::NOTE_KEY_CHECK;
use super::row::{column, kind, number, unreadable};
use super::snapshot::PostgresSnapshot;
use super::sql;
use crate::StoreError;
use crate::record::{Key, Table};
use crate::seal::{KEY_CHECK, KeyId, Sealer, place_of_event, place_of_record};
use crate::upkeep::{Part, Resealed, Scope, Snapshot, Upkeep};
use async_trait::async_trait;

const DOING: &str = "sealing by the new key";
/// Of one transaction: others wait for it.
const RECORDS: i64 = 64;
const EVENTS: i64 = 500;

#[async_trait]
impl Upkeep for PostgresStore {
    async fn snapshot(&self, scope: Scope) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(PostgresSnapshot::begin(self, scope).await?))
    }

    fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    async fn wanted_key(&self) -> Result<Option<KeyId>, StoreError> {
        let rows = self.connections.rows(DOING, sql::SEALING, &[]).await?;
        rows.first().map_or(Ok(None), sealing)
    }

    /// The row of counters says it, which every commit locks.
    async fn begin_change(&self) -> Result<(), StoreError> {
        let key = i64::from(self.sealer.key().0);
        self.connections
            .execute(DOING, sql::WRITE_SEALING, &[&key])
            .await
    }

    async fn reseal(&self, part: Part, after: u64) -> Result<Resealed, StoreError> {
        let after = after.cast_signed();
        bounded(DOING, async {
            let mut attempt = 0;
            loop {
                attempt += 1;
                let lent = self.connections.lend().await?;
                match self.reseal_once(&lent, part, after).await {
                    Ok(resealed) => {
                        lent.give_back();
                        return Ok(resealed);
                    }
                    Err(Trouble::Database(error))
                        if attempt < ATTEMPTS && remedy(&error) == Remedy::Repeat =>
                    {
                        // The connection is closed, and with it the transaction undone.
                        pause(attempt).await;
                    }
                    Err(Trouble::Database(error)) => return Err(failed(DOING, error)),
                    Err(Trouble::Store(error)) => return Err(error),
                }
            }
        })
        .await
    }

    async fn end_change(&self) -> Result<(), StoreError> {
        let check = self.sealer.seal(KEY_CHECK, KEY_CHECK)?;
        self.connections
            .execute(DOING, sql::WRITE_NOTE, &[&NOTE_KEY_CHECK, &check])
            .await
    }
}

impl PostgresStore {
    async fn reseal_once(&self, lent: &Lent, part: Part, after: i64) -> Result<Resealed, Trouble> {
        lent.batch_execute(sql::BEGIN).await?;
        lent.query_one(sql::LOCK_COUNTERS, &[]).await?;
        let resealed = match part {
            Part::Records(table) => self.reseal_records(lent, table, after).await?,
            Part::Events => self.reseal_events(lent, after).await?,
        };
        lent.batch_execute(sql::COMMIT).await?;
        Ok(resealed)
    }

    async fn reseal_records(
        &self,
        lent: &Lent,
        table: Table,
        after: i64,
    ) -> Result<Resealed, Trouble> {
        let rows = lent
            .query(sql::RECORDS_BEHIND, &[&kind(table), &after, &RECORDS])
            .await?;
        let mut resealed = Resealed::default();
        for row in &rows {
            let place: i64 = column(row, "place")?;
            resealed.last = Some(place.cast_unsigned());
            let id: Vec<u8> = column(row, "id")?;
            let key = Key::new(table, String::from_utf8(id).map_err(unreadable)?);
            if let Some(anew) = self.anew(&place_of_record(&key), column(row, "document")?)? {
                lent.execute(sql::UPDATE_DOCUMENT, &[&kind(table), &place, &anew])
                    .await?;
                resealed.count += 1;
            }
        }
        Ok(resealed)
    }

    async fn reseal_events(&self, lent: &Lent, after: i64) -> Result<Resealed, Trouble> {
        let rows = lent.query(sql::EVENTS, &[&after, &EVENTS]).await?;
        let mut resealed = Resealed::default();
        for row in &rows {
            let sequence = number(row, "sequence")?;
            resealed.last = Some(sequence);
            if let Some(anew) = self.anew(&place_of_event(sequence), column(row, "event")?)? {
                lent.execute(sql::UPDATE_EVENT, &[&sequence.cast_signed(), &anew])
                    .await?;
                resealed.count += 1;
            }
        }
        Ok(resealed)
    }

    /// `None`: it is sealed by the key that seals.
    fn anew(&self, binding: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.sealer.is_current(sealed) {
            return Ok(None);
        }
        let clear = self.sealer.open(binding, sealed)?;
        Ok(Some(self.sealer.seal(binding, &clear)?))
    }
}
