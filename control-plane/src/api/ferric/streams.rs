//! What all streams of events share: how many there may be, of one caller and of all, and one look at the store's newest
//! event for all of them.

use crate::api::error::{ApiError, ApiResult};
use crate::config::Http;
use ferric_store::{Store, StoreError};
use parking_lot::Mutex as Lock;
use std::collections::HashMap;
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
    of_one: usize,
    parties: Arc<Lock<Parties>>,
    /// Read by whoever comes first; the others wait for the same answer.
    newest: Mutex<Option<(Instant, u64)>>,
}

/// How many streams whom has that is known by name.
type Parties = HashMap<String, usize>;

/// The place of a stream, until it is dropped.
pub(super) struct Place {
    _room: OwnedSemaphorePermit,
    party: Option<String>,
    parties: Arc<Lock<Parties>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(party) = &self.party else {
            return;
        };
        let mut parties = self.parties.lock();
        match parties.get_mut(party) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(parties.remove(party)),
        }
    }
}

impl Streams {
    pub(in crate::api) fn new(http: &Http) -> Self {
        Self {
            room: Arc::new(Semaphore::new(http.event_streams)),
            limit: http.event_streams,
            of_one: http.event_streams_per_caller,
            parties: Arc::default(),
            newest: Mutex::default(),
        }
    }

    /// For a party, where one is known: with `noauth` all are the same, and trusted.
    pub(super) fn admit(&self, party: Option<String>) -> ApiResult<Place> {
        let mut parties = self.parties.lock();
        if let Some(party) = &party
            && parties.get(party).is_some_and(|has| *has >= self.of_one)
        {
            return Err(busy(format!(
                "{} streams of {party} follow events already: end one, or raise http.event_streams_per_caller",
                self.of_one
            )));
        }
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            busy(format!(
                "{} clients follow events already: try again later, or raise http.event_streams",
                self.limit
            ))
        })?;
        if let Some(party) = &party {
            *parties.entry(party.clone()).or_default() += 1;
        }
        Ok(Place {
            _room: room,
            party,
            parties: Arc::clone(&self.parties),
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

fn busy(text: String) -> ApiError {
    ApiError::Busy {
        text,
        retry_after_s: RETRY_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_party_takes_more_than_its_share() {
        let streams = Streams::new(&Http {
            event_streams: 4,
            event_streams_per_caller: 2,
            ..Http::default()
        });
        let admit = |party: Option<&str>| streams.admit(party.map(str::to_owned));
        let one = [admit(Some("one")).unwrap(), admit(Some("one")).unwrap()];
        let refused = admit(Some("one")).err().unwrap();
        assert!(format!("{refused:?}").contains("per_caller"), "{refused:?}");
        let others = [admit(Some("two")).unwrap(), admit(None).unwrap()];
        let refused = admit(Some("two")).err().unwrap();
        assert!(format!("{refused:?}").contains("4 clients"), "{refused:?}");
        drop((one, others));
        assert!(streams.parties.lock().is_empty());
        assert!(admit(Some("one")).is_ok());
    }
}
