//! How failures of redb become errors of the store.

use super::envelope::EnvelopeError;
use crate::StoreError;
use crate::seal::SealError;

/// Turns a failure of redb into one of the store.
pub(super) fn failed<E: Into<redb::Error>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError::Backend {
        doing,
        source: Box::new(error.into()),
    }
}

/// Turns bytes that are no record into an error of the store.
pub(super) fn unreadable(source: EnvelopeError) -> StoreError {
    StoreError::Backend {
        doing: "reading a record",
        source: Box::new(source),
    }
}

pub(super) fn unsealed(source: SealError) -> StoreError {
    source.into()
}
