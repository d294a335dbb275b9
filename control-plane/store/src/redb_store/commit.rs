//! A group of transactions, one sync to the disk. Each is checked before it writes anything, so one that is refused leaves
//! no trace among the others; what comes later in a group sees what came before it.

use super::apply;
use super::engine::Engine;
use super::error::failed;
use super::schema::{EVENTS, IDS, INDEX, NODE_EVENTS, NUMBERS, RECORDS, SEALED_FIELDS};
use crate::StoreError;
use crate::check;
use crate::record::Revision;
use crate::transaction::Transaction;
use crate::transfer::Counters;
use redb::{Table, WriteTransaction};
use std::sync::Arc;

/// What became of a transaction.
pub(super) type Outcome = Result<Revision, StoreError>;

/// The tables that a commit reads and writes.
pub(super) struct Tables<'t> {
    pub(super) records: Table<'t, (u8, u64), &'static [u8]>,
    pub(super) ids: Table<'t, (u8, &'static str), u64>,
    pub(super) index: Table<'t, &'static [u8], ()>,
    pub(super) sealed_fields: Table<'t, (u8, u64), &'static [u8]>,
    pub(super) events: Table<'t, u64, &'static [u8]>,
    pub(super) node_events: Table<'t, (u128, u64), ()>,
    pub(super) numbers: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(write: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            records: write.open_table(RECORDS)?,
            ids: write.open_table(IDS)?,
            index: write.open_table(INDEX)?,
            sealed_fields: write.open_table(SEALED_FIELDS)?,
            events: write.open_table(EVENTS)?,
            node_events: write.open_table(NODE_EVENTS)?,
            numbers: write.open_table(NUMBERS)?,
        })
    }
}

impl Engine {
    /// Fails only where the database itself fails; then nothing of the group has happened.
    /// The outcomes are in the order of the transactions.
    pub(super) fn try_commit_group(
        &self,
        group: &[Transaction],
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut write = self
            .database
            .begin_write()
            .map_err(failed("beginning a commit"))?;
        // After a crash a file of gigabytes would otherwise be read whole, three times, before anything is answered.
        write.set_quick_repair(true);
        let mut outcomes = Vec::with_capacity(group.len());
        {
            let mut tables = Tables::open(&write).map_err(failed("opening the tables"))?;
            let mut counters = Counters::read(&tables.numbers)?;
            for transaction in group {
                outcomes.push(self.one(&mut tables, &mut counters, transaction)?);
            }
            counters.write(&mut tables)?;
        }
        if outcomes.iter().any(Result::is_ok) {
            write.commit().map_err(failed("committing to the disk"))?;
        } else {
            write.abort().map_err(failed("ending a commit"))?;
        }
        Ok(outcomes)
    }

    /// The outer result is the database's, the inner one the transaction's.
    fn one(
        &self,
        tables: &mut Tables<'_>,
        counters: &mut Counters,
        transaction: &Transaction,
    ) -> Result<Outcome, StoreError> {
        match check::transaction(tables, transaction) {
            Err(
                error @ (StoreError::Stale { .. }
                | StoreError::NotUnique { .. }
                | StoreError::NoRoom { .. }),
            ) => Ok(Err(error)),
            Err(error) => Err(error),
            Ok(()) => apply::transaction(tables, &self.sealer, counters, transaction).map(Ok),
        }
    }
}

/// The same failure for each transaction of a group.
pub(super) fn shared(error: &Arc<StoreError>) -> StoreError {
    StoreError::Backend {
        doing: "committing a group of transactions",
        source: Box::new(Arc::clone(error)),
    }
}
