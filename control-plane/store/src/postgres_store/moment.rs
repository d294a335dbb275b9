//! What a transaction is about, read while the counters are locked: nobody else writes until it is done.

use super::failure::Trouble;
use super::query::{borrowed, statement};
use super::row::{column, decode_fields, indexed, kind, number, unreadable};
use super::sql::Columns;
use super::write::Statements;
use crate::StoreError;
use crate::check::{Standing, View, is_replaced};
use crate::record::{FieldValue, Key, Revision, Table};
use crate::transaction::{Expectation, Room, Transaction};
use deadpool_postgres::ClientWrapper;
use ferric_model::ids::Epoch;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;

/// A record as it stands.
#[derive(Clone, Debug)]
pub(super) struct Old {
    pub(super) place: u64,
    pub(super) standing: Standing,
    pub(super) fields: Vec<(String, FieldValue)>,
}

#[derive(Debug, Default)]
pub(super) struct Moment {
    pub(super) old: BTreeMap<Key, Old>,
    holders: BTreeMap<(Table, usize, Vec<u8>), Vec<String>>,
    /// How many records fill it.
    rooms: Vec<(Room, usize)>,
}

impl Moment {
    pub(super) async fn read(
        client: &ClientWrapper,
        statements: &Statements,
        transaction: &Transaction,
    ) -> Result<Self, Trouble> {
        let mut moment = Self::default();
        for (table, ids) in keys(transaction) {
            let rows = client
                .query(&statements.heads, &[&kind(table), &ids])
                .await?;
            for row in rows {
                let (id, old) = old(&row)?;
                moment.old.insert(Key::new(table, id), old);
            }
        }
        for expectation in &transaction.expect {
            if let Expectation::Room(room) = expectation {
                let (sql, parameters) = statement(&room.query(), Columns::Outline, None);
                let counting = client.prepare_cached(&sql).await?;
                let found = client.query(&counting, &borrowed(&parameters)).await?;
                moment.rooms.push((room.clone(), found.len()));
            }
        }
        for (table, field, value) in moment.changed_unique(transaction) {
            let name = table.fields()[field];
            let rows = client
                .query(&statements.holders, &[&kind(table), &name, &value])
                .await?;
            let mut ids = Vec::new();
            for row in rows {
                let id: Vec<u8> = column(&row, "id")?;
                ids.push(String::from_utf8(id).map_err(unreadable)?);
            }
            moment.holders.insert((table, field, value), ids);
        }
        Ok(moment)
    }

    /// The unique values that records do not have already: as a rule there are none, and nobody is asked.
    fn changed_unique(&self, transaction: &Transaction) -> BTreeSet<(Table, usize, Vec<u8>)> {
        let mut changed = BTreeSet::new();
        for (place, put) in transaction.put.iter().enumerate() {
            if is_replaced(transaction, place) {
                continue;
            }
            let old = self.old.get(&put.key);
            for (field, (name, value)) in put.fields.iter().enumerate() {
                let had = old.is_some_and(|old| {
                    let mut fields = old.fields.iter();
                    fields.any(|(there, had)| there == name && had == value)
                });
                if put.unique.contains(name) && *value != FieldValue::Null && !had {
                    changed.insert((put.key.table, field, indexed(value)));
                }
            }
        }
        changed
    }
}

/// The ids of all records that count, by table.
fn keys(transaction: &Transaction) -> BTreeMap<Table, Vec<Vec<u8>>> {
    let expected = transaction
        .expect
        .iter()
        .filter_map(|expectation| match expectation {
            Expectation::Revision(key, _)
            | Expectation::Absent(key)
            | Expectation::Epoch(key, _) => Some(key),
            Expectation::Room(_) => None,
        });
    let put = transaction.put.iter().map(|put| &put.key);
    let keys: BTreeSet<&Key> = expected.chain(put).chain(&transaction.delete).collect();
    let mut ids: BTreeMap<Table, Vec<Vec<u8>>> = BTreeMap::new();
    for key in keys {
        ids.entry(key.table)
            .or_default()
            .push(key.id.as_bytes().to_vec());
    }
    ids
}

fn old(row: &Row) -> Result<(String, Old), StoreError> {
    let id: Vec<u8> = column(row, "id")?;
    let epoch: Option<i64> = column(row, "epoch")?;
    let old = Old {
        place: number(row, "place")?,
        standing: Standing {
            revision: Revision(number(row, "revision")?),
            epoch: epoch.map(|epoch| Epoch(epoch.cast_unsigned())),
        },
        fields: decode_fields(column(row, "fields")?)?,
    };
    Ok((String::from_utf8(id).map_err(unreadable)?, old))
}

impl View for Moment {
    fn standing(&self, key: &Key) -> Result<Option<Standing>, StoreError> {
        Ok(self.old.get(key).map(|old| old.standing))
    }

    /// A value that was not asked for has no holder but the record that is put.
    fn holders(
        &self,
        table: Table,
        field: usize,
        value: &FieldValue,
    ) -> Result<Vec<String>, StoreError> {
        let holders = self.holders.get(&(table, field, indexed(value)));
        Ok(holders.cloned().unwrap_or_default())
    }

    /// One that was not asked for is full.
    fn filling(&self, room: &Room) -> Result<usize, StoreError> {
        let known = self.rooms.iter().find(|(known, _)| known == room);
        Ok(known.map_or(room.limit, |(_, filling)| *filling))
    }
}
