//! Opening: the server, the schema, the key, and indexes that fit this release.

use super::PostgresStore;
use super::connections::Connections;
use super::reindex;
use super::schema::{Migration, Missing, bring_up};
use super::sql;
use super::url::DatabaseUrl;
use crate::StoreError;
use crate::key_file::{self, KeyFile};
use crate::open_error::OpenError;
use crate::seal::{KEY_CHECK, Sealer};
use crate::transfer::UNFINISHED_COPY;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use tokio::sync::Mutex;

const DOING: &str = "reading what the store notes of itself";
pub(super) const NOTE_KEY_CHECK: &str = "key check";

pub(super) async fn open(
    url: &DatabaseUrl,
    key: &Path,
    migrations: &[Migration],
    missing: Missing,
) -> Result<PostgresStore, StoreError> {
    let connections = Connections::new(url)?;
    bring_up(&connections, migrations, missing).await?;
    let sealer = checked_key(&connections, key).await?;
    if note(&connections, UNFINISHED_COPY).await?.is_some() {
        let store = connections.place.clone();
        return Err(OpenError::HalfCopied { store }.into());
    }
    let store = PostgresStore {
        connections,
        sealer,
        turn: Mutex::new(()),
        repeated: AtomicU64::new(0),
    };
    reindex::at_start(&store).await?;
    Ok(store)
}

pub(super) async fn note(
    connections: &Connections,
    name: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let rows = connections.rows(DOING, sql::NOTE, &[&name]).await?;
    let note = rows.first().map(|row| row.try_get(0)).transpose();
    note.map_err(|error| super::failure::failed(DOING, error))
}

/// A database without the note is a new one: the key is on the disk before the note is in the database.
async fn checked_key(connections: &Connections, key: &Path) -> Result<Sealer, StoreError> {
    let keys = match note(connections, NOTE_KEY_CHECK).await? {
        Some(_) => read(connections, key)?,
        None => made(connections, key).await?,
    };
    let sealer = Sealer::from_file(&keys, key);
    let check = note(connections, NOTE_KEY_CHECK).await?;
    if check.is_some_and(|check| sealer.open(KEY_CHECK, &check).is_ok()) {
        return Ok(sealer);
    }
    Err(OpenError::KeyWrong {
        store: connections.place.clone(),
        key: key.to_owned(),
    }
    .into())
}

fn read(connections: &Connections, key: &Path) -> Result<KeyFile, StoreError> {
    let missing = || OpenError::KeyMissing {
        store: connections.place.clone(),
        key: key.to_owned(),
    };
    Ok(key_file::read(key)?.ok_or_else(missing)?)
}

/// Of two that do this at the same time with keys of their own, one is refused afterwards.
async fn made(connections: &Connections, key: &Path) -> Result<KeyFile, StoreError> {
    let keys = match key_file::read(key)? {
        Some(keys) => keys,
        None => key_file::create(key)?,
    };
    key_file::sync_directory(key)?;
    let check = Sealer::from_file(&keys, key).seal(KEY_CHECK, KEY_CHECK)?;
    let doing = "noting the key check";
    connections
        .execute(doing, sql::WRITE_FIRST_NOTE, &[&NOTE_KEY_CHECK, &check])
        .await?;
    Ok(keys)
}
