//! Where the store and its key stand in a state directory.

use std::path::{Path, PathBuf};

/// The embedded store.
pub(crate) fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("ferric.redb")
}

/// The key that documents are sealed with, whichever store they are in.
pub(crate) fn key(state_dir: &Path) -> PathBuf {
    state_dir.join("store.key")
}
