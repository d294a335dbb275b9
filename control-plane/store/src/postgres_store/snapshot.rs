//! All of one moment, a few rows at a time, in one transaction that sees nothing of what is committed meanwhile.

use super::PostgresStore;
use super::connections::{Lent, Parameters, bounded};
use super::failure::failed;
use super::row::{column, decode_fields, indexed, kind, number, unreadable};
use super::sql;
use crate::StoreError;
use crate::record::{FieldValue, Table};
use crate::transfer::Counters;
use crate::upkeep::{Beside, IndexEntry, Item, Scope, SealedEvent, SealedRecord, Snapshot};
use async_trait::async_trait;
use ferric_model::ids::{Epoch, NodeId};
use tokio_postgres::Row;

const DOING: &str = "reading all of the database";
/// Of one answer.
const RECORDS: i64 = 64;
const EVENTS: i64 = 1000;
const ENTRIES: i64 = 5000;

/// Where the walk stands: what comes next.
#[derive(Clone, Debug)]
enum Walk {
    Records(Table, i64),
    Events(i64),
    Entries(IndexEntry),
    End,
}

pub(super) struct PostgresSnapshot {
    /// Closed with the value, and with it the transaction.
    lent: Lent,
    scope: Scope,
    walk: Walk,
    counters: Counters,
}

impl PostgresSnapshot {
    pub(super) async fn begin(store: &PostgresStore, scope: Scope) -> Result<Self, StoreError> {
        bounded(DOING, async {
            let lent = store.connections.lend().await?;
            let begun = lent.batch_execute(sql::BEGIN_SNAPSHOT).await;
            begun.map_err(|error| failed(DOING, error))?;
            let mut snapshot = Self {
                lent,
                scope,
                walk: Walk::Records(Table::ALL[0], 0),
                counters: Counters::default(),
            };
            let rows = snapshot.rows(sql::COUNTERS, &[]).await?;
            let row = rows
                .first()
                .ok_or_else(|| super::failure::away(DOING, "the counters are missing"))?;
            snapshot.counters = Counters::of_row(row)?;
            Ok(snapshot)
        })
        .await
    }

    async fn rows(
        &self,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.lent.query(sql, parameters).await;
        rows.map_err(|error| failed(DOING, error))
    }

    async fn step(&mut self) -> Result<Vec<Item>, StoreError> {
        loop {
            let items = match self.walk.clone() {
                Walk::Records(table, after) => self.records(table, after).await?,
                Walk::Events(after) => self.events(after).await?,
                Walk::Entries(after) => self.entries(&after).await?,
                Walk::End => return Ok(Vec::new()),
            };
            if !items.is_empty() {
                return Ok(items);
            }
        }
    }

    async fn records(&mut self, table: Table, after: i64) -> Result<Vec<Item>, StoreError> {
        let parameters: &Parameters<'_> = &[&kind(table), &after, &RECORDS];
        let rows = self.rows(sql::RECORDS_BEHIND, parameters).await?;
        let records = rows.iter().map(|row| record(table, row));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        self.walk = if let Some(last) = records.last() {
            Walk::Records(table, last.sequence.cast_signed())
        } else {
            let mut tables = Table::ALL.iter().copied();
            tables.find(|next| *next == table);
            let next = tables.next();
            next.map_or(Walk::Events(0), |next| Walk::Records(next, 0))
        };
        Ok(records.into_iter().map(Item::Record).collect())
    }

    async fn events(&mut self, after: i64) -> Result<Vec<Item>, StoreError> {
        let rows = self.rows(sql::EVENTS_BEHIND, &[&after, &EVENTS]).await?;
        let mut items = Vec::new();
        self.walk = match self.scope {
            Scope::Documents => Walk::End,
            Scope::Indexes => Walk::Entries(IndexEntry {
                table: 0,
                field: String::new(),
                value: Vec::new(),
                sequence: 0,
            }),
        };
        for row in &rows {
            let sequence = number(row, "sequence")?;
            self.walk = Walk::Events(sequence.cast_signed());
            items.push(Item::Event(SealedEvent {
                sequence,
                node: Some(NodeId(column(row, "node")?)),
                sealed: column(row, "event")?,
            }));
        }
        Ok(items)
    }

    async fn entries(&mut self, after: &IndexEntry) -> Result<Vec<Item>, StoreError> {
        let (table, sequence) = (i16::from(after.table), after.sequence.cast_signed());
        let parameters: &Parameters<'_> =
            &[&table, &after.field, &after.value, &sequence, &ENTRIES];
        let rows = self.rows(sql::FIELDS_BEHIND, parameters).await?;
        self.walk = Walk::End;
        let mut items = Vec::new();
        for row in &rows {
            let kind: i16 = column(row, "kind")?;
            let entry = IndexEntry {
                table: u8::try_from(kind).unwrap_or(u8::MAX),
                field: column(row, "field")?,
                value: column(row, "value")?,
                sequence: number(row, "place")?,
            };
            self.walk = Walk::Entries(entry.clone());
            items.push(Item::Entry(entry));
        }
        Ok(items)
    }
}

#[async_trait]
impl Snapshot for PostgresSnapshot {
    fn counters(&self) -> Counters {
        self.counters
    }

    async fn next(&mut self) -> Result<Vec<Item>, StoreError> {
        bounded(DOING, self.step()).await
    }

    fn indexed(&self, value: &FieldValue) -> Vec<u8> {
        indexed(value)
    }
}

fn record(table: Table, row: &Row) -> Result<SealedRecord, StoreError> {
    let id: Vec<u8> = column(row, "id")?;
    let epoch: Option<i64> = column(row, "epoch")?;
    Ok(SealedRecord {
        table,
        id: String::from_utf8(id).map_err(unreadable)?,
        sequence: number(row, "place")?,
        revision: number(row, "revision")?,
        epoch: epoch.map(|epoch| Epoch(epoch.cast_unsigned())),
        fields: decode_fields(column(row, "fields")?)?,
        sealed: column(row, "document")?,
        beside: Beside::Nowhere,
    })
}
