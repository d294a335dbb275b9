//! The embedded store: one process, one file (redb), one thread that writes, readers on snapshots.
//!
//! What looks at a few records runs where it is called (docs/decisions/0009-short-reads-stay-on-their-thread.md); nothing else
//! here blocks a tokio worker. The store in memory works inline, without threads: tests with a paused clock and the
//! simulation then see each call end before the next one begins.

mod apply;
mod columns;
mod commit;
mod engine;
pub(crate) mod envelope;
mod error;
mod events;
mod find;
#[cfg(test)]
mod fuzz;
mod import;
mod index;
mod matches;
mod open;
mod query;
mod reindex;
mod room;
mod schema;
mod sealed_fields;
mod shared;
mod snapshot;
mod upgrade;
mod upkeep;
mod view;
mod writer;

use crate::key_file;
use crate::record::{Key, Outline, Record, Revision, Table};
use crate::rows::{Rows, WriteRow};
use crate::transaction::{Page, Query, Transaction};
use crate::{EventFilter, Store, StoreError, StoredEvent};
use async_trait::async_trait;
use engine::Engine;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use shared::Shared;
use std::path::Path;
use std::sync::Arc;
use tokio::task::spawn_blocking;
pub use upgrade::Conversion;
use writer::Writer;

/// As many records are read on the caller's thread.
const FEW: usize = 8;

/// One process, one file.
#[derive(Debug)]
pub struct RedbStore {
    shared: Arc<Shared>,
    /// `None`: commits and reads run where they are called.
    writer: Option<Writer>,
}

impl RedbStore {
    /// Opens or makes the database at `path`. Its key is in the file `store.key` beside it, made with it.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file is in use, is not ours, or its key is missing or another one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let key = path.as_ref().with_file_name("store.key");
        Self::open_with_key(path, key)
    }

    /// The same with the key in a file of its own place, say on another disk than the database and its backups.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with_key(
        path: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        Self::open_with(path, key, upgrade::CONVERSIONS)
    }

    /// As a release with other versions of the schema would: for tests of upgrades.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with(
        path: impl AsRef<Path>,
        key: impl AsRef<Path>,
        conversions: &[Conversion],
    ) -> Result<Self, StoreError> {
        let engine = open::open(path.as_ref(), key.as_ref(), conversions)?;
        let opener = open::opener(&engine, path.as_ref());
        Self::threaded(Shared::new(engine, Some(opener)))
    }

    /// A store that ends with the process. Works inline, see the head of this file.
    ///
    /// # Errors
    /// None that a test would see: memory does not fail.
    pub fn in_memory() -> Result<Self, StoreError> {
        let engine = open::open_backend(InMemoryBackend::new(), &key_file::random())?;
        Ok(Self {
            shared: Arc::new(Shared::new(engine, None)),
            writer: None,
        })
    }

    /// Over any storage, with its threads: for tests of crashes.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn over(backend: impl StorageBackend, key: &[u8; 32]) -> Result<Self, StoreError> {
        Self::threaded(Shared::new(open::open_backend(backend, key)?, None))
    }

    fn threaded(shared: Shared) -> Result<Self, StoreError> {
        let shared = Arc::new(shared);
        let writer = Writer::start(Arc::clone(&shared)).map_err(|source| StoreError::Backend {
            doing: "starting the thread that writes the store",
            source: Box::new(source),
        })?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(move |shared| shared.read(work)).await
    }

    /// What looks at a few records only is done on this thread: going to another one and back takes longer than that.
    async fn read_soon<T: Send + 'static>(
        &self,
        is_short: bool,
        work: impl Fn(&Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if is_short && let Some(found) = self.shared.at_once(&work) {
            return found;
        }
        self.read(work).await
    }

    async fn once<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(move |shared| shared.once(work)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.writer.is_none() {
            return work(&self.shared);
        }
        let shared = Arc::clone(&self.shared);
        let done = spawn_blocking(move || work(&shared)).await;
        done.map_err(|source| StoreError::Backend {
            doing: "reading the store",
            source: Box::new(source),
        })?
    }
}

#[async_trait]
impl Store for RedbStore {
    /// By redb's lock of the file.
    fn is_exclusive(&self) -> bool {
        true
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        match &self.writer {
            Some(writer) => writer.commit(transaction).await,
            None => {
                let group = std::slice::from_ref(&transaction);
                let mut outcomes = self.shared.commit_group(group);
                outcomes.pop().expect("each transaction has an outcome")
            }
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let key = key.clone();
        // An inventory takes as long to open as hundreds of nodes.
        let is_short = key.table != Table::Inventory;
        self.read_soon(is_short, move |engine| engine.get(&key, None))
            .await
    }

    async fn get_with(
        &self,
        key: &Key,
        wanted: &'static [&'static str],
    ) -> Result<Option<Record>, StoreError> {
        let key = key.clone();
        let is_short = key.table != Table::Inventory;
        self.read_soon(is_short, move |engine| engine.get(&key, Some(wanted)))
            .await
    }

    async fn outline(
        &self,
        key: &Key,
        wanted: &'static [&'static str],
    ) -> Result<Option<Outline>, StoreError> {
        let key = key.clone();
        self.read_soon(true, move |engine| engine.outline(&key, wanted))
            .await
    }

    async fn get_each(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        let keys = keys.to_vec();
        let is_short = keys.len() <= FEW && keys.iter().all(|key| key.table != Table::Inventory);
        self.read_soon(is_short, move |engine| engine.get_each(&keys))
            .await
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let query = query.clone();
        let is_short = query::looks_at_few(&query, FEW);
        self.read_soon(is_short, move |engine| engine.page(&query))
            .await
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let query = query.clone();
        self.read(move |engine| engine.outlines(&query)).await
    }

    async fn rows(
        &self,
        query: &Query,
        writer: Arc<dyn WriteRow>,
        text: Vec<u8>,
    ) -> Result<Rows, StoreError> {
        let query = query.clone();
        self.read(move |engine| engine.rows(&query, writer.as_ref(), &text))
            .await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        let filter = filter.clone();
        self.read(move |engine| engine.events(&filter)).await
    }

    async fn newest_event(&self) -> Result<u64, StoreError> {
        self.read(Engine::newest_event).await
    }

    async fn give_back(&self) -> Result<u64, StoreError> {
        self.blocking(Shared::give_back).await
    }
}
