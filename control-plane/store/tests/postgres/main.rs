//! The store on PostgreSQL, with servers that the tests start. Not among the unit tests: without the Debian package
//! `postgresql` each of them fails and says so.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod conformance;
mod copy;
mod mixed_releases;
mod outages;
mod proxy;
mod schema;
mod secrets;
mod server;
mod tls;
mod upkeep;

use ferric_store::{DatabaseUrl, PostgresStore};
use server::Server;
use tempfile::TempDir;

/// A server with one database, and a key for it.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) database: String,
    pub(crate) state: TempDir,
}

impl Lab {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let server = Server::start(settings);
        Self {
            database: server.database(),
            server,
            state: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.server.url(&self.database).parse().unwrap()
    }

    pub(crate) fn key(&self) -> std::path::PathBuf {
        self.state.path().join("store.key")
    }

    /// As another process would: the same database and the same key.
    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.url(), self.key()).await.unwrap()
    }
}
