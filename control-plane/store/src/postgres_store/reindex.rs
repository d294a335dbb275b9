//! Records put into the indexes whose fields they lack.
//!
//! A release indexes the fields that it knows, and takes a record that it writes out of the indexes of all others: so
//! does an older one that shares the database in a rolling upgrade, at any moment. Every record has an entry for each of
//! its fields, be it null. So the entries of a field are as many as there are records, or some record lacks it, and which
//! one its row says. Fields of other releases stay as they are: nobody undoes what another one has done here.

use super::PostgresStore;
use super::connections::{ATTEMPTS, Lent, Parameters, bounded, pause};
use super::failure::{Remedy, Trouble, failed, remedy};
use super::open::note;
use super::row::{column, decode_fields, encode_fields, indexed, kind, open, unreadable};
use super::sql;
use crate::StoreError;
use crate::entities;
use crate::record::{FieldValue, Key, Table};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;

const DOING: &str = "making the indexes anew";
/// The fields of the releases that have opened the database: one that goes by this note, as older ones do, finds its
/// own in it and makes no index anew.
const NOTE_FIELDS: &str = "indexed fields";
/// Rows that are looked at together.
const LOOKED_AT: i64 = 1000;
/// Records of one transaction.
const BATCH: usize = 100;

pub(super) async fn at_start(store: &PostgresStore) -> Result<(), StoreError> {
    complete(store).await?;
    let written = note(&store.connections, NOTE_FIELDS).await?;
    let written = String::from_utf8(written.unwrap_or_default()).map_err(unreadable)?;
    let mut noted: BTreeSet<String> = written.lines().map(str::to_owned).collect();
    let before = noted.len();
    noted.extend(known_fields());
    if noted.len() == before {
        return Ok(());
    }
    let noted: Vec<String> = noted.into_iter().collect();
    let noted = noted.join("\n").into_bytes();
    store
        .connections
        .execute(DOING, sql::WRITE_NOTE, &[&NOTE_FIELDS, &noted])
        .await
}

fn known_fields() -> impl Iterator<Item = String> {
    let of = |table: &Table| {
        let number = table.number();
        let fields = table.fields().iter();
        fields.map(move |field| format!("{number} {field}"))
    };
    Table::ALL.iter().flat_map(of)
}

/// Answers how many records lacked something.
pub(super) async fn complete(store: &PostgresStore) -> Result<usize, StoreError> {
    let mut done = 0;
    for table in Table::ALL {
        if is_incomplete(store, *table).await? {
            done += complete_table(store, *table).await?;
        }
    }
    if done > 0 {
        tracing::info!(done, "records were put into indexes that they were not in");
    }
    Ok(done)
}

async fn is_incomplete(store: &PostgresStore, table: Table) -> Result<bool, StoreError> {
    if table.fields().is_empty() {
        return Ok(false);
    }
    let counted: &Parameters<'_> = &[&kind(table)];
    let rows = store.connections.rows(DOING, sql::COUNT_FIELDS, counted);
    let mut counts = BTreeMap::<String, i64>::new();
    for row in rows.await? {
        counts.insert(column(&row, "field")?, column(&row, "entries")?);
    }
    let count = |field: &str| counts.get(field).copied().unwrap_or(0);
    let mut fields = table.fields().iter();
    Ok(fields.any(|field| count(field) != count("")))
}

async fn complete_table(store: &PostgresStore, table: Table) -> Result<usize, StoreError> {
    let (mut done, mut after) = (0, 0);
    loop {
        let (lacking, last) = lacking(store, table, after).await?;
        for places in lacking.chunks(BATCH) {
            done += batch(store, table, places).await?;
        }
        match last {
            Some(last) => after = last,
            None => return Ok(done),
        }
    }
}

/// Where records stand that lack a field, and the last place that was looked at; `None`: there was none.
async fn lacking(
    store: &PostgresStore,
    table: Table,
    after: i64,
) -> Result<(Vec<i64>, Option<i64>), StoreError> {
    let parameters: &Parameters<'_> = &[&kind(table), &after, &LOOKED_AT];
    let rows = store
        .connections
        .rows(DOING, sql::FIELDS_OF_RECORDS, parameters)
        .await?;
    let (mut places, mut last) = (Vec::new(), None);
    for row in &rows {
        let place: i64 = column(row, "place")?;
        if lacks_one(table, &decode_fields(column(row, "fields")?)?) {
            places.push(place);
        }
        last = Some(place);
    }
    Ok((places, last))
}

fn lacks_one(table: Table, has: &[(String, FieldValue)]) -> bool {
    let mut known = table.fields().iter();
    known.any(|field| !has.iter().any(|(name, _)| name == field))
}

async fn batch(store: &PostgresStore, table: Table, places: &[i64]) -> Result<usize, StoreError> {
    bounded(DOING, async {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let lent = store.connections.lend().await?;
            match rewrite(store, &lent, table, places).await {
                Ok(done) => {
                    lent.give_back();
                    return Ok(done);
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
    places: &[i64],
) -> Result<usize, Trouble> {
    lent.batch_execute(sql::BEGIN).await?;
    lent.query_one(sql::LOCK_COUNTERS, &[]).await?;
    let rows = lent
        .query(sql::RECORDS_AT, &[&kind(table), &places])
        .await?;
    let mut done = 0;
    for row in &rows {
        done += usize::from(rewrite_one(store, lent, table, row).await?);
    }
    lent.batch_execute(sql::COMMIT).await?;
    Ok(done)
}

/// Answers whether it still lacked something: it may have been written since.
async fn rewrite_one(
    store: &PostgresStore,
    lent: &Lent,
    table: Table,
    row: &Row,
) -> Result<bool, Trouble> {
    let mut has = decode_fields(column(row, "fields")?)?;
    if !lacks_one(table, &has) {
        return Ok(false);
    }
    let place: i64 = column(row, "place")?;
    let id: Vec<u8> = column(row, "id")?;
    let key = Key::new(table, String::from_utf8(id).map_err(unreadable)?);
    let document = open(&store.sealer, &key, column(row, "document")?)?;
    let known = match entities::fields_of(&key, &document) {
        Ok(known) => known,
        // One that cannot be read must not keep all others out of the indexes.
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%key, %error, "a record cannot be read and is left out of indexes");
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    let (mut fields, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in known {
        let place_of_old = has.iter().position(|(there, _)| there == name);
        let old = place_of_old.map(|found| has.swap_remove(found).1);
        if old.as_ref() != Some(&value) {
            if let Some(old) = old {
                let entry: &Parameters<'_> = &[&kind(table), &name, &indexed(&old), &place];
                lent.execute(sql::DELETE_FIELD, entry).await?;
            }
            names.push(name);
            values.push(indexed(&value));
        }
        fields.push((name.to_owned(), value));
    }
    // What is left is of other releases.
    fields.append(&mut has);
    let insert = lent.prepare_cached(sql::INSERT_FIELDS).await?;
    lent.execute(&insert, &[&kind(table), &place, &names, &values])
        .await?;
    let update = lent.prepare_cached(sql::UPDATE_FIELDS).await?;
    let encoded = encode_fields(&fields);
    lent.execute(&update, &[&kind(table), &place, &encoded])
        .await?;
    Ok(true)
}
