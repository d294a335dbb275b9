//! The embedded store.
/// One process, one file.
#[derive(Debug)]
pub struct RedbStore;
