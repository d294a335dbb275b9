//! What all streams of events share: how many there may be, and one look at the store's newest event for all of them.

use crate::api::error::{ApiError, ApiResult};
use ferric_store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How old the number of the newest event may be that is answered.
const FRESH: Duration = Duration::from_millis(250);
/// When a client is to come again that found no room.
const RETRY_S: u32 = 10;

pub(in crate::api) struct Streams {
    room: Arc<Semaphore>,
    limit: usize,
    /// Read by whoever comes first; the others wait for the same answer.
    newest: Mutex<Option<(Instant, u64)>>,
}

impl Streams {
    pub(in crate::api) fn new(limit: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(limit)),
            limit,
            newest: Mutex::default(),
        }
    }

    /// A place, until it is dropped.
    pub(super) fn admit(&self) -> ApiResult<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        room.map_err(|_| ApiError::Busy {
            text: format!(
                "{} clients follow events already: try again later, or raise http.event_streams",
                self.limit
            ),
            retry_after_s: RETRY_S,
        })
    }

    /// The number of the newest event, a moment ago.
    pub(super) async fn newest(&self, store: &dyn Store) -> Result<u64, StoreError> {
        let mut known = self.newest.lock().await;
        if let Some((_, newest)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(newest);
        }
        let newest = store.newest_event().await?;
        *known = Some((Instant::now(), newest));
        Ok(newest)
    }
}
