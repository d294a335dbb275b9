//! The conformance suite on PostgreSQL, at each isolation that a server may be set to.

use crate::server::Server;
use ferric_store::{PostgresStore, Store, conformance};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const PROCESSES: usize = 3;

struct Fresh {
    server: Server,
    state: tempfile::TempDir,
}

impl Fresh {
    fn start(isolation: &str) -> Self {
        let setting = format!("default_transaction_isolation={isolation}");
        Self {
            server: Server::start(&[&setting]),
            state: tempfile::tempdir().unwrap(),
        }
    }

    async fn open(&self, database: &str) -> PostgresStore {
        let url = self.server.socket_url(database).parse().unwrap();
        let key = self.state.path().join("store.key");
        PostgresStore::open(&url, key).await.unwrap()
    }

    async fn one(&self) -> PostgresStore {
        self.open(&self.server.database()).await
    }
}

/// A store that adds up how often its transactions were repeated.
struct Counting {
    store: PostgresStore,
    repeated: Arc<AtomicU64>,
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.repeated
            .fetch_add(self.store.repeated(), Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Store for Counting {
    fn is_exclusive(&self) -> bool {
        self.store.is_exclusive()
    }

    async fn newest_event(&self) -> Result<u64, ferric_store::StoreError> {
        self.store.newest_event().await
    }

    async fn commit(
        &self,
        transaction: ferric_store::Transaction,
    ) -> Result<ferric_store::Revision, ferric_store::StoreError> {
        self.store.commit(transaction).await
    }

    async fn get(
        &self,
        key: &ferric_store::Key,
    ) -> Result<Option<ferric_store::Record>, ferric_store::StoreError> {
        self.store.get(key).await
    }

    async fn page(
        &self,
        query: &ferric_store::Query,
    ) -> Result<ferric_store::Page, ferric_store::StoreError> {
        self.store.page(query).await
    }

    async fn outlines(
        &self,
        query: &ferric_store::Query,
    ) -> Result<Vec<ferric_store::Outline>, ferric_store::StoreError> {
        self.store.outlines(query).await
    }

    async fn events(
        &self,
        filter: &ferric_store::EventFilter,
    ) -> Result<Vec<ferric_store::StoredEvent>, ferric_store::StoreError> {
        self.store.events(filter).await
    }
}

/// Several processes with one database. Answers how often a transaction was repeated.
async fn shared(isolation: &str) -> u64 {
    let fresh = Fresh::start(isolation);
    let repeated = Arc::new(AtomicU64::new(0));
    conformance::run_shared(async || {
        let database = fresh.server.database();
        let mut stores = Vec::new();
        for _ in 0..PROCESSES {
            stores.push(Counting {
                store: fresh.open(&database).await,
                repeated: Arc::clone(&repeated),
            });
        }
        stores
    })
    .await;
    repeated.load(Ordering::SeqCst)
}

#[tokio::test]
async fn one_process_conforms_at_read_committed() {
    let fresh = Fresh::start("read committed");
    conformance::run(async || fresh.one().await).await;
}

#[tokio::test]
async fn one_process_conforms_at_serializable() {
    let fresh = Fresh::start("serializable");
    conformance::run(async || fresh.one().await).await;
}

#[tokio::test]
async fn several_processes_conform_at_read_committed() {
    let repeated = shared("read committed").await;
    assert_eq!(repeated, 0, "they wait for each other and do not collide");
}

/// There transactions do collide: if they did not, this would show nothing.
#[tokio::test]
async fn several_processes_conform_at_serializable() {
    let repeated = shared("serializable").await;
    assert!(repeated > 0, "no serialisation failure was met");
}

#[tokio::test]
async fn several_processes_conform_at_repeatable_read() {
    let repeated = shared("repeatable read").await;
    assert!(repeated > 0, "no serialisation failure was met");
}

#[tokio::test]
async fn the_clock_is_the_databases() {
    let fresh = Fresh::start("read committed");
    let store = fresh.one().await;
    let by_sql = |sql: &str| -> i64 { fresh.server.psql("postgres", sql).parse().unwrap() };
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let before = by_sql(now);
    let read = store.clock().await.unwrap().unwrap().as_microsecond();
    let after = by_sql(now);
    assert!((before..=after).contains(&read), "{before} {read} {after}");
}
