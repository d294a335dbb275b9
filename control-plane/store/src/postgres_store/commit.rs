//! A transaction on the server: lock the counters, read, check, write, commit.
//!
//! Whoever commits holds the row with the counters, so that at any isolation one commit comes after the other, events are
//! seen in the order of their numbers, and a check that held still holds when it is written. Four round trips.

use super::PostgresStore;
use super::connections::{ATTEMPTS, Lent, RECONNECTS, bounded, pause};
use super::failure::{Remedy, Trouble, failed, remedy};
use super::moment::Moment;
use super::row::column;
use super::sql;
use super::write::{Sealed, Statements, Write, Writes};
use crate::StoreError;
use crate::check;
use crate::record::Revision;
use crate::seal::{KeyId, place_of_record};
use crate::transaction::Transaction;
use crate::transfer::Counters;
use futures_util::future::{join, join_all};
use std::sync::atomic::Ordering;
use tokio_postgres::{Error, Row};

const COMMITTING: &str = "committing a transaction";

/// Statements that are under way at the same time: `join_all` starts so many in their order.
const TOGETHER: usize = 24;

/// Why an attempt came to nothing.
enum Failure {
    /// It will not be done.
    Refused(StoreError),
    /// The documents are to be sealed by another key.
    Key(KeyId),
    /// The database failed before the commit was sent.
    Before(Error),
    /// The commit was sent: without an answer of the server nobody knows what became of it.
    After(Error),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => Self::Refused(error),
            Trouble::Database(error) => Self::Before(error),
        }
    }
}

impl PostgresStore {
    pub(super) async fn commit_bounded(
        &self,
        transaction: &Transaction,
    ) -> Result<Revision, StoreError> {
        let sealed = self.sealed(transaction)?;
        bounded(COMMITTING, async {
            // Those of one process need not meet at the server first.
            let _turn = self.turn.lock().await;
            self.commit_repeating(sealed).await
        })
        .await
    }

    fn sealed<'t>(&self, transaction: &'t Transaction) -> Result<Sealed<'t>, StoreError> {
        let key = self.sealer.key();
        let mut documents = Vec::with_capacity(transaction.put.len());
        for put in &transaction.put {
            let place = place_of_record(&put.key);
            documents.push(self.sealer.seal(&place, &put.document)?);
        }
        Ok(Sealed {
            transaction,
            key,
            documents,
        })
    }

    async fn commit_repeating(&self, mut sealed: Sealed<'_>) -> Result<Revision, StoreError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let lent = self.connections.lend().await?;
            match self.attempt(&lent, &sealed).await {
                Ok(revision) => {
                    lent.give_back();
                    return Ok(revision);
                }
                Err(Failure::Refused(error)) => {
                    if lent.batch_execute(sql::ROLLBACK).await.is_ok() {
                        lent.give_back();
                    }
                    return Err(error);
                }
                Err(Failure::Key(key)) => {
                    if lent.batch_execute(sql::ROLLBACK).await.is_ok() {
                        lent.give_back();
                    }
                    self.sealer.seal_by(key)?;
                    sealed = self.sealed(sealed.transaction)?;
                }
                Err(Failure::Before(error) | Failure::After(error))
                    if remedy(&error) == Remedy::Repeat && attempt < ATTEMPTS =>
                {
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                    if lent.batch_execute(sql::ROLLBACK).await.is_ok() {
                        lent.give_back();
                    }
                    pause(attempt).await;
                }
                // The server may have been restarted since the connections were used last: a new one tells.
                Err(Failure::Before(error))
                    if remedy(&error) == Remedy::Reconnect && attempt <= RECONNECTS => {}
                Err(Failure::Before(error) | Failure::After(error)) => {
                    return Err(failed(COMMITTING, error));
                }
            }
        }
    }

    async fn attempt(&self, lent: &Lent, sealed: &Sealed<'_>) -> Result<Revision, Failure> {
        let statements = Statements::prepare(lent).await.map_err(Failure::Before)?;
        let (begun, locked) = join(
            lent.batch_execute(sql::BEGIN),
            lent.query_one(&statements.lock, &[]),
        )
        .await;
        begun.map_err(Failure::Before)?;
        let locked = locked.map_err(Failure::Before)?;
        let mut counters = Counters::of_row(&locked).map_err(Failure::Refused)?;
        let wanted = sealing(&locked).map_err(Failure::Refused)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != sealed.key) {
            return Err(Failure::Key(wanted));
        }
        let mut moment = Moment::read(lent, &statements, sealed.transaction).await?;
        check::transaction(&moment, sealed.transaction).map_err(Failure::Refused)?;
        let writes = Writes::of(
            sealed,
            &mut moment,
            &mut counters,
            (&statements, &self.sealer),
        );
        let mut writes = writes.map_err(Failure::Refused)?.list;
        while writes.len() > TOGETHER {
            let rest = writes.split_off(TOGETHER);
            send(lent, writes).await.map_err(Failure::Before)?;
            writes = rest;
        }
        send(lent, writes).await.map_err(Failure::Before)?;
        // Not together with the writes: one that could not even be sent must not be left out of a commit.
        let committed = lent.batch_execute(sql::COMMIT).await;
        committed.map_err(Failure::After)?;
        Ok(Revision(counters.revision))
    }
}

/// The key that the row of counters asks for; none before it is changed for the first time.
fn sealing(row: &Row) -> Result<Option<KeyId>, StoreError> {
    let number: Option<i64> = column(row, "sealing")?;
    let id = number.and_then(|number| u32::try_from(number).ok());
    Ok(id.map(KeyId))
}

/// All at once, in their order.
async fn send(lent: &Lent, writes: Vec<Write>) -> Result<(), Error> {
    let sent = writes
        .into_iter()
        .map(|write| async move { lent.execute_raw(&write.statement, write.values).await });
    for outcome in join_all(sent).await {
        outcome?;
    }
    Ok(())
}
