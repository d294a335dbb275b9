//! Indexes made anew when a release has indexed fields that no release before it had.
//!
//! The note holds every field that is known to stand in all records: an older release that shares the database finds its
//! own among them and leaves all as it is.

use super::PostgresStore;
use super::connections::{ATTEMPTS, Lent, bounded, pause};
use super::failure::{Remedy, Trouble, failed, remedy};
use super::open::note;
use super::row::{column, decode_fields, encode_fields, indexed, kind, number, open, unreadable};
use super::sql;
use crate::StoreError;
use crate::entities;
use crate::record::{Key, Table};
use std::collections::BTreeSet;
use tokio_postgres::Row;

const DOING: &str = "making the indexes anew";
const NOTE_FIELDS: &str = "indexed fields";
/// Records of one transaction.
const BATCH: i64 = 100;

pub(super) async fn when_fields_changed(store: &PostgresStore) -> Result<(), StoreError> {
    let written = note(&store.connections, NOTE_FIELDS).await?;
    let written = String::from_utf8(written.unwrap_or_default()).map_err(unreadable)?;
    let written: BTreeSet<&str> = written.lines().collect();
    let known = known_fields();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    if known.is_subset(&written) {
        return Ok(());
    }
    if !written.is_empty() {
        tracing::info!("the indexed fields have changed: making the indexes anew");
    }
    for table in Table::ALL {
        let mut after = Some(0);
        while let Some(place) = after {
            after = batch(store, *table, place).await?;
        }
    }
    let all: Vec<&str> = written.union(&known).copied().collect();
    let all = all.join("\n").into_bytes();
    store
        .connections
        .execute(DOING, sql::WRITE_NOTE, &[&NOTE_FIELDS, &all])
        .await
}

fn known_fields() -> Vec<String> {
    let of = |table: &Table| {
        let fields = table.fields().iter();
        let table = table.number();
        fields
            .map(|field| format!("{table} {field}"))
            .collect::<Vec<_>>()
    };
    Table::ALL.iter().flat_map(of).collect()
}

/// Answers the last place of the batch; `None`: that was the last one.
async fn batch(store: &PostgresStore, table: Table, after: i64) -> Result<Option<i64>, StoreError> {
    bounded(DOING, async {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let lent = store.connections.lend().await?;
            match rewrite(store, &lent, table, after).await {
                Ok(last) => {
                    lent.give_back();
                    return Ok(last);
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

async fn rewrite(
    store: &PostgresStore,
    lent: &Lent,
    table: Table,
    after: i64,
) -> Result<Option<i64>, Trouble> {
    lent.batch_execute(sql::BEGIN).await?;
    lent.query_one(sql::LOCK_COUNTERS, &[]).await?;
    let rows = lent
        .query(sql::RECORDS_BEHIND, &[&kind(table), &after, &BATCH])
        .await?;
    let mut last = None;
    for row in &rows {
        last = Some(number(row, "place")?.cast_signed());
        rewrite_one(store, lent, table, row).await?;
    }
    lent.batch_execute(sql::COMMIT).await?;
    Ok(last)
}

async fn rewrite_one(
    store: &PostgresStore,
    lent: &Lent,
    table: Table,
    row: &Row,
) -> Result<(), Trouble> {
    let place: i64 = column(row, "place")?;
    let id: Vec<u8> = column(row, "id")?;
    let key = Key::new(table, String::from_utf8(id).map_err(unreadable)?);
    let document = open(&store.sealer, &key, column(row, "document")?)?;
    let fields = entities::fields_of(&key, &document)?;
    for (name, value) in decode_fields(column(row, "fields")?)? {
        let value = indexed(&value);
        lent.execute(sql::DELETE_FIELD, &[&kind(table), &name, &value, &place])
            .await?;
    }
    let (names, values): (Vec<&str>, Vec<Vec<u8>>) = fields
        .iter()
        .map(|(name, value)| (*name, indexed(value)))
        .unzip();
    lent.execute(sql::INSERT_FIELDS, &[&kind(table), &place, &names, &values])
        .await?;
    let encoded = encode_fields(&fields);
    lent.execute(sql::UPDATE_FIELDS, &[&kind(table), &place, &encoded])
        .await?;
    Ok(())
}
