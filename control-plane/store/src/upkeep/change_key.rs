//! Another key, while the store is worked with. The key file names both before anything is sealed by the new one, so
//! that whoever stops in between leaves a store that opens; the next call goes on.

use super::{Part, Upkeep};
use crate::key_file::{self, Role};
use crate::record::Table;
use crate::{OpenError, StoreError};
use std::path::Path;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Documents and events that were sealed anew.
    pub resealed: u64,
    /// An earlier change was not finished: this was its rest.
    pub went_on: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("a store in memory keeps its key")]
    NoFile,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OpenError> for ChangeError {
    fn from(error: OpenError) -> Self {
        Self::Store(error.into())
    }
}

/// Puts the key of the next change into the file, so that it can be handed to all who share a database before.
///
/// # Errors
/// When the file is missing or cannot be written.
pub fn prepare_key(file: &Path) -> Result<(), OpenError> {
    let keys = key_file::read(file)?.ok_or_else(|| missing(file))?;
    key_file::replace(file, &keys.prepared())
}

/// Puts a key file where there is none: that of a store that is to be restored.
///
/// # Errors
/// When it is no key file, or cannot be written.
pub fn put_key(file: &Path, content: &[u8]) -> Result<(), OpenError> {
    let malformed = || OpenError::KeyMalformed {
        key: file.to_owned(),
    };
    let text = std::str::from_utf8(content).map_err(|_| malformed())?;
    let keys = key_file::KeyFile::parse(text).ok_or_else(malformed)?;
    key_file::replace(file, &keys)
}

/// Seals everything by a new key, or goes on where that was interrupted. The old key stays in the file for old backups.
///
/// # Errors
/// When the key file or the store cannot be read or written; then both keys are in the file, and this can be repeated.
pub async fn change_key(store: &dyn Upkeep) -> Result<Changed, ChangeError> {
    let sealer = store.sealer();
    let file = sealer.file().ok_or(ChangeError::NoFile)?;
    let mut keys = key_file::read(file)?.ok_or_else(|| missing(file))?;
    // Another host may have changed the key with what was prepared here.
    if let Some(wanted) = store.wanted_key().await? {
        keys = keys.sealing_by(wanted);
    }
    let went_on = keys.has(Role::Old);
    if !went_on {
        keys = keys.rotated();
    }
    key_file::replace(file, &keys)?;
    sealer.reload()?;
    store.begin_change().await?;
    let mut changed = Changed {
        resealed: 0,
        went_on,
    };
    // What was sealed by the old key while the first pass went by is found by the next.
    loop {
        let resealed = pass(store).await?;
        if resealed == 0 {
            break;
        }
        changed.resealed += resealed;
    }
    store.end_change().await?;
    key_file::replace(file, &keys.retired())?;
    sealer.reload()?;
    Ok(changed)
}

async fn pass(store: &dyn Upkeep) -> Result<u64, StoreError> {
    let tables = Table::ALL.iter().map(|table| Part::Records(*table));
    let mut resealed = 0;
    for part in tables.chain([Part::Events]) {
        let mut after = Some(0);
        while let Some(place) = after {
            let done = store.reseal(part, place).await?;
            resealed += done.count;
            after = done.last;
        }
    }
    Ok(resealed)
}

fn missing(file: &Path) -> OpenError {
    OpenError::KeyMissing {
        store: "the store".to_owned(),
        key: file.to_owned(),
    }
}
