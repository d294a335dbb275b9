//! The database with its key: everything that blocks. Called by the writer's thread and by threads for reading.

use crate::seal::Sealer;
use redb::Database;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) database: Database,
    pub(super) sealer: Arc<Sealer>,
    /// For messages.
    pub(super) place: String,
}

impl Engine {
    pub(super) fn new(database: Database, sealer: Arc<Sealer>, place: &Path) -> Self {
        Self {
            database,
            sealer,
            place: place.display().to_string(),
        }
    }
}
