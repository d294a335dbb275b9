//! The store of several conductors: a PostgreSQL server, or one that speaks its protocol.
//!
//! Documents and events are sealed before they leave the process, with a key that is not in the database. All SQL is in
//! the folder `sql`. No session holds a lock beyond its transaction, and nobody waits without a bound.

mod commit;
mod connections;
mod failure;
mod import;
mod moment;
mod open;
mod query;
mod reindex;
mod row;
mod scan;
mod schema;
mod snapshot;
mod sql;
mod tls;
mod upkeep;
mod url;
mod write;

use crate::record::{Key, Outline, Record, Revision};
use crate::seal::Sealer;
use crate::transaction::{Page, Query, Transaction};
use crate::{EventFilter, Store, StoreError, StoredEvent};
use async_trait::async_trait;
use connections::Connections;
use jiff::Timestamp;
pub use schema::{MIGRATIONS, Migration, Missing};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
pub use url::{DatabaseUrl, UrlError};

/// Many processes, one server.
#[derive(Debug)]
pub struct PostgresStore {
    connections: Connections,
    sealer: Sealer,
    /// Held by whoever commits in this process.
    turn: Mutex<()>,
    repeated: AtomicU64,
}

impl PostgresStore {
    /// Connects, makes the schema or brings it up to date. The key is in the file `key`: made with the schema, and
    /// needed wherever the database is used from.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the server does not let us in, the schema is newer, or the key is missing or another one.
    pub async fn open(url: &DatabaseUrl, key: impl AsRef<Path>) -> Result<Self, StoreError> {
        open::open(url, key.as_ref(), MIGRATIONS, Missing::Make).await
    }

    /// The same, but only where there is a store already.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn open_existing(
        url: &DatabaseUrl,
        key: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        open::open(url, key.as_ref(), MIGRATIONS, Missing::Refuse).await
    }

    /// As a release with other versions of the schema would: for tests of upgrades.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn open_with(
        url: &DatabaseUrl,
        key: impl AsRef<Path>,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        open::open(url, key.as_ref(), migrations, Missing::Make).await
    }

    /// How often a transaction was done again because another process had been faster.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn is_exclusive(&self) -> bool {
        false
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        self.commit_bounded(&transaction).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.read_one(key).await
    }

    async fn get_each(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        self.read_each(keys).await
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        self.read_page(query).await
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        self.read_outlines(query).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        self.read_events(filter).await
    }

    async fn newest_event(&self) -> Result<u64, StoreError> {
        self.read_newest_event().await
    }

    async fn complete_indexes(&self) -> Result<usize, StoreError> {
        reindex::complete(self).await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        let doing = "reading the database's clock";
        let rows = self.connections.rows(doing, sql::CLOCK, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| failure::away(doing, "no answer"))?;
        let microseconds: i64 = row
            .try_get(0)
            .map_err(|error| failure::failed(doing, error))?;
        let now = Timestamp::from_microsecond(microseconds);
        now.map(Some).map_err(|source| StoreError::Backend {
            doing,
            source: Box::new(source),
        })
    }
}
