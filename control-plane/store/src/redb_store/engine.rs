//! The database with its key: everything that blocks. Called by the writer's thread and by threads for reading.

use super::seal::Sealer;
use redb::Database;

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) database: Database,
    pub(super) sealer: Sealer,
}

impl Engine {
    pub(super) fn new(database: Database, sealer: Sealer) -> Self {
        Self { database, sealer }
    }
}
