//! The server's side of a copy from store to store.

use super::PostgresStore;
use super::connections::{Lent, Parameters, bounded};
use super::failure::failed;
use super::row::{LAYOUT, column, encode_fields, indexed, kind, number};
use super::sql;
use crate::seal::{place_of_event, place_of_record};
use crate::transfer::{Counters, Movable, Moved, UNFINISHED_COPY};
use crate::{StoreError, StoredEvent};
use async_trait::async_trait;
use tokio_postgres::Row;

const DOING: &str = "copying into the database";

impl Counters {
    pub(super) fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            revision: number(row, "revision")?,
            sequence: number(row, "place")?,
            event: column::<i64>(row, "event")?.cast_unsigned(),
        })
    }
}

#[async_trait]
impl Movable for PostgresStore {
    fn place(&self) -> String {
        self.connections.place.clone()
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        let rows = self
            .connections
            .rows("reading the counters", sql::COUNTERS, &[])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| super::failure::away(DOING, "the counters are missing"))?;
        Counters::of_row(row)
    }

    async fn begin_import(&self) -> Result<(), StoreError> {
        let nothing: &[u8] = &[];
        self.connections
            .execute(DOING, sql::WRITE_NOTE, &[&UNFINISHED_COPY, &nothing])
            .await
    }

    async fn import_records(&self, records: Vec<Moved>) -> Result<(), StoreError> {
        bounded(DOING, async {
            let lent = self.begin().await?;
            for moved in &records {
                self.import_record(&lent, moved).await?;
            }
            end(lent).await
        })
        .await
    }

    async fn import_events(&self, events: Vec<StoredEvent>) -> Result<(), StoreError> {
        let (mut sequences, mut nodes, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
        for stored in &events {
            let clear = serde_json::to_vec(&stored.event).expect("our own types serialise to JSON");
            sequences.push(stored.sequence.cast_signed());
            nodes.push(stored.event.node.0);
            sealed.push(self.sealer.seal(&place_of_event(stored.sequence), &clear)?);
        }
        bounded(DOING, async {
            let lent = self.begin().await?;
            call(&lent, sql::INSERT_EVENTS, &[&sequences, &nodes, &sealed]).await?;
            end(lent).await
        })
        .await
    }

    async fn finish_import(&self, counters: Counters) -> Result<(), StoreError> {
        let (revision, place, event) = (
            counters.revision.cast_signed(),
            counters.sequence.cast_signed(),
            counters.event.cast_signed(),
        );
        bounded(DOING, async {
            let lent = self.begin().await?;
            call(&lent, sql::WRITE_COUNTERS, &[&revision, &place, &event]).await?;
            call(&lent, sql::REMOVE_NOTE, &[&UNFINISHED_COPY]).await?;
            end(lent).await
        })
        .await
    }
}

impl PostgresStore {
    /// One transaction until its [`end`]; dropped before, it is undone.
    async fn begin(&self) -> Result<Lent, StoreError> {
        let lent = self.connections.lend().await?;
        lent.batch_execute(sql::BEGIN).await.map_err(copying)?;
        Ok(lent)
    }

    async fn import_record(&self, lent: &Lent, moved: &Moved) -> Result<(), StoreError> {
        let record = &moved.record;
        let (kind, place) = (kind(record.key.table), record.sequence.cast_signed());
        let id = record.key.id.as_bytes();
        let revision = record.revision.0.cast_signed();
        let epoch = moved.epoch.map(|epoch| epoch.0.cast_signed());
        let fields = encode_fields(&record.fields);
        let binding = place_of_record(&record.key);
        let document = self.sealer.seal(&binding, &record.document)?;
        let values: &Parameters<'_> = &[
            &kind, &place, &id, &revision, &epoch, &LAYOUT, &fields, &document,
        ];
        call(lent, sql::INSERT_RECORD, values).await?;
        let fields = record.fields.iter();
        let (names, values): (Vec<&str>, Vec<Vec<u8>>) =
            fields.map(|(name, value)| (*name, indexed(value))).unzip();
        call(lent, sql::INSERT_FIELDS, &[&kind, &place, &names, &values]).await
    }
}

async fn end(lent: Lent) -> Result<(), StoreError> {
    lent.batch_execute(sql::COMMIT).await.map_err(copying)?;
    lent.give_back();
    Ok(())
}

async fn call(
    lent: &Lent,
    sql: &'static str,
    parameters: &Parameters<'_>,
) -> Result<(), StoreError> {
    let statement = lent.prepare_cached(sql).await.map_err(copying)?;
    let done = lent.execute(&statement, parameters).await;
    done.map(drop).map_err(copying)
}

fn copying(error: tokio_postgres::Error) -> StoreError {
    failed(DOING, error)
}
