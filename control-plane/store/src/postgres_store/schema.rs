//! The schema is made and brought up to date by ferric itself, when it opens the store. No advisory lock: the row with
//! the version is locked, and of two that make the schema at the same time one finds it made.

use super::connections::{ATTEMPTS, Connections, Lent, bounded, pause};
use super::failure::{Remedy, remedy};
use super::sql;
use crate::StoreError;
use crate::open_error::OpenError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

const DOING: &str = "making the schema";

/// One version of the schema and how to get there from the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub version: u64,
    /// The oldest version whose release may go on working with the database afterwards: in a rolling upgrade two
    /// adjacent releases share it.
    pub least: u64,
    /// May be repeated from its beginning: not every engine undoes a CREATE TABLE with its transaction.
    pub sql: &'static str,
}

/// All of them, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        least: 1,
        sql: sql::SCHEMA_1,
    },
    // Sealed documents have a head from here on, which a release of version 1 cannot read.
    Migration {
        version: 2,
        least: 2,
        sql: sql::SCHEMA_2,
    },
];

/// What to do with a database that has no schema of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Make,
    Refuse,
}

/// A version that was found: its number, and the least one that may work with it.
#[derive(Clone, Copy, Debug)]
struct Found {
    version: u64,
    least: u64,
}

pub(super) async fn bring_up(
    connections: &Connections,
    migrations: &[Migration],
    missing: Missing,
) -> Result<(), StoreError> {
    let known = migrations.last().map_or(0, |last| last.version);
    bounded(DOING, async {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let lent = connections
                .lend()
                .await
                .map_err(|error| unreachable_at(connections, error))?;
            match attempt_once(&lent, migrations, known, missing).await {
                Ok(Some(found)) => {
                    lent.give_back();
                    return accepted(connections, found, known);
                }
                Ok(None) => {
                    lent.give_back();
                    let store = connections.place.clone();
                    return Err(OpenError::NotThere { store }.into());
                }
                Err(error) if attempt < ATTEMPTS && may_be_repeated(&error) => {
                    pause(attempt).await;
                }
                Err(error) => {
                    return Err(OpenError::Schema {
                        store: connections.place.clone(),
                        source: Box::new(error),
                    }
                    .into());
                }
            }
        }
    })
    .await
}

/// At start it is the place that is of interest: the URL may be wrong.
fn unreachable_at(connections: &Connections, error: StoreError) -> StoreError {
    match error {
        StoreError::Away { source, .. } => OpenError::Connect {
            store: connections.place.clone(),
            source,
        }
        .into(),
        other => other,
    }
}

fn accepted(connections: &Connections, found: Found, known: u64) -> Result<(), StoreError> {
    if found.version <= known || found.least <= known {
        return Ok(());
    }
    Err(OpenError::Newer {
        store: connections.place.clone(),
        found: found.version,
        known,
    }
    .into())
}

/// `None`: there is no schema, and none is to be made.
async fn attempt_once(
    lent: &Lent,
    migrations: &[Migration],
    known: u64,
    missing: Missing,
) -> Result<Option<Found>, Error> {
    match lent.query_opt(sql::SCHEMA, &[]).await {
        Ok(row) => match found(row.as_ref())? {
            Some(found) if found.version >= known => return Ok(Some(found)),
            None if missing == Missing::Refuse => return Ok(None),
            Some(_) | None => {}
        },
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
            if missing == Missing::Refuse {
                return Ok(None);
            }
        }
        Err(error) => return Err(error),
    }
    lent.batch_execute(sql::BEGIN).await?;
    let outcome = upgrade(lent, migrations).await;
    match outcome {
        Ok(found) => {
            lent.batch_execute(sql::COMMIT).await?;
            Ok(Some(found))
        }
        Err(error) => {
            // Where the connection is gone, there is nothing left to undo.
            lent.batch_execute(sql::ROLLBACK).await.unwrap_or_default();
            Err(error)
        }
    }
}

async fn upgrade(lent: &Lent, migrations: &[Migration]) -> Result<Found, Error> {
    lent.batch_execute(sql::CREATE_SCHEMA_TABLE).await?;
    let row = lent.query_opt(sql::LOCK_SCHEMA, &[]).await?;
    let mut standing = found(row.as_ref())?.unwrap_or(Found {
        version: 0,
        least: 0,
    });
    for migration in migrations {
        if migration.version <= standing.version {
            continue;
        }
        tracing::info!(version = migration.version, "bringing the schema up");
        lent.batch_execute(migration.sql).await?;
        standing = Found {
            version: migration.version,
            least: migration.least,
        };
        let (version, least) = (standing.version.cast_signed(), standing.least.cast_signed());
        lent.execute(sql::WRITE_SCHEMA, &[&version, &least]).await?;
    }
    Ok(standing)
}

fn found(row: Option<&Row>) -> Result<Option<Found>, Error> {
    let Some(row) = row else {
        return Ok(None);
    };
    let number = |name| row.try_get::<_, i64>(name).map(i64::cast_unsigned);
    Ok(Some(Found {
        version: number("version")?,
        least: number("least")?,
    }))
}

/// Two that make the same table collide in the system's own tables: unique_violation, duplicate_table, duplicate_object.
fn may_be_repeated(error: &Error) -> bool {
    let state = error.code().map(SqlState::code);
    remedy(error) == Remedy::Repeat || matches!(state, Some("23505" | "42P07" | "42710"))
}
