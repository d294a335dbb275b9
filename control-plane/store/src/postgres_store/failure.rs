//! What a failure of the database means for a call: do it again, come back later, or give up.

use crate::StoreError;
use deadpool_postgres::PoolError;
use std::io;
use tokio_postgres::Error;

const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const ADMIN_SHUTDOWN: &str = "57P01";
const CRASH_SHUTDOWN: &str = "57P02";
const CANNOT_CONNECT_NOW: &str = "57P03";
const DATABASE_DROPPED: &str = "57P04";
const IDLE_IN_TRANSACTION: &str = "25P03";
/// Of a standby that was a primary until now.
const READ_ONLY: &str = "25006";
const QUERY_CANCELED: &str = "57014";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Two transactions crossed; the server has undone this one.
    Repeat,
    /// The connection is gone; the server may be too.
    Reconnect,
    /// The server has no time or no room.
    ComeBack,
    /// It would fail again.
    None,
}

/// Why a piece of work on the server failed, while it is not decided yet whether to repeat it.
#[derive(Debug)]
pub(super) enum Trouble {
    Store(StoreError),
    Database(Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Of a failed statement.
pub(super) fn remedy(error: &Error) -> Remedy {
    let Some(state) = error.code() else {
        // Not said by the server: the connection broke, or the bytes were not what was expected of them.
        return if error.is_closed() || source_is_io(error) {
            Remedy::Reconnect
        } else {
            Remedy::None
        };
    };
    match state.code() {
        SERIALIZATION_FAILURE | DEADLOCK_DETECTED => Remedy::Repeat,
        ADMIN_SHUTDOWN | CRASH_SHUTDOWN | CANNOT_CONNECT_NOW | DATABASE_DROPPED
        | IDLE_IN_TRANSACTION | READ_ONLY => Remedy::Reconnect,
        QUERY_CANCELED | LOCK_NOT_AVAILABLE => Remedy::ComeBack,
        other => match other.get(..2) {
            // Connections, and what the server lacks: room on its disk, memory, connections.
            Some("08") => Remedy::Reconnect,
            Some("53" | "58") => Remedy::ComeBack,
            _ => Remedy::None,
        },
    }
}

fn source_is_io(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// The error of a call that is not tried again.
pub(super) fn failed(doing: &'static str, error: Error) -> StoreError {
    match remedy(&error) {
        Remedy::None => StoreError::Backend {
            doing,
            source: Box::new(error),
        },
        Remedy::Repeat | Remedy::Reconnect | Remedy::ComeBack => away(doing, error),
    }
}

pub(super) fn away(
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Away {
        doing,
        source: source.into(),
    }
}

/// No connection: whatever the cause, it lies with the server or with its administrator.
pub(super) fn unconnected(error: PoolError) -> StoreError {
    away("connecting to the database", error)
}

/// The time for an answer is over.
pub(super) fn late(doing: &'static str) -> StoreError {
    away(doing, "the database did not answer in time")
}
