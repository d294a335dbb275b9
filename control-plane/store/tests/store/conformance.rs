//! The conformance suite against each way the embedded store works.

use ferric_store::{MemoryStore, RedbStore, conformance};
use redb::backends::InMemoryBackend;

#[tokio::test]
async fn the_store_in_memory_conforms() {
    conformance::run(async || RedbStore::in_memory().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_with_threads_conforms() {
    conformance::run(async || RedbStore::over(InMemoryBackend::new(), &[1; 32]).unwrap()).await;
}

#[tokio::test]
async fn the_store_without_an_engine_conforms() {
    conformance::run(async || MemoryStore::new()).await;
}
