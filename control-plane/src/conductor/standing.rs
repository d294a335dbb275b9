//! What a conductor knows of its own place among the others: since when its beats have been stored without a gap, the
//! clock that all of them go by, and for how long each of the others has shown no new beat. In memory only.

use super::Conductor;
use super::environment::later;
use super::fence::Fence;
use crate::config::seconds;
use ferric_model::conductor::ConductorRecord;
use ferric_model::ids::Incarnation;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Standing(Mutex<State>);

#[derive(Default)]
struct State {
    last_stored: Option<Instant>,
    unbroken_since: Option<Instant>,
    /// The store's clock, and when it was read.
    clock: Option<(Timestamp, Instant)>,
    /// The last beat under this conductor's name before it came; `None`: it is new.
    predecessor: Option<ConductorRecord>,
    watched: BTreeMap<String, Watched>,
}

/// A beat of another conductor.
struct Watched {
    incarnation: Incarnation,
    beat: Timestamp,
    /// When it was seen first.
    since: Instant,
}

impl Standing {
    /// A beat that was sent then has been stored. After a pause as long as `timeout` the row begins anew.
    pub(super) fn stored(&self, sent: Instant, timeout: Duration) {
        let mut state = self.0.lock();
        let pause = state
            .last_stored
            .map(|last| sent.saturating_duration_since(last));
        if pause.is_some_and(|pause| pause >= timeout) {
            state.unbroken_since = None;
        }
        state.unbroken_since.get_or_insert(sent);
        state.last_stored = Some(sent);
    }

    /// The store did not answer.
    pub(super) fn broken(&self) {
        self.0.lock().unbroken_since = None;
    }

    /// For how long the store has taken every beat.
    pub(super) fn unbroken_for(&self) -> Duration {
        let since = self.0.lock().unbroken_since;
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn note_clock(&self, now: Timestamp) {
        self.0.lock().clock = Some((now, Instant::now()));
    }

    /// What the store's clock shows by now.
    fn clock(&self) -> Option<Timestamp> {
        let read = self.0.lock().clock;
        read.map(|(time, at)| later(time, at.elapsed()))
    }

    pub(super) fn succeed(&self, last_beat: &ConductorRecord) {
        self.0.lock().predecessor = Some(last_beat.clone());
    }

    pub(super) fn predecessor(&self) -> Option<ConductorRecord> {
        self.0.lock().predecessor.clone()
    }

    /// For how long this very beat has been the last one that was seen of the conductor.
    pub(super) fn watch(&self, record: &ConductorRecord) -> Duration {
        let now = Instant::now();
        let fresh = Watched {
            incarnation: record.incarnation,
            beat: record.updated_at,
            since: now,
        };
        let mut state = self.0.lock();
        match state.watched.get_mut(&record.hostname) {
            Some(known) if known.incarnation == fresh.incarnation && known.beat == fresh.beat => {
                now - known.since
            }
            _ => {
                state.watched.insert(record.hostname.clone(), fresh);
                Duration::ZERO
            }
        }
    }
}

impl Conductor {
    pub(super) fn standing(&self) -> &Standing {
        &self.inner.standing
    }

    pub(super) fn fence(&self) -> &Fence {
        &self.inner.fence
    }

    pub(super) fn beat_timeout(&self) -> Duration {
        seconds(self.settings().conductor.beat_timeout_s)
    }

    /// The time by which beats are judged: the store's, as far as it has one.
    pub(crate) fn cluster_time(&self) -> Timestamp {
        self.standing().clock().unwrap_or_else(|| self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;
    use uuid::Uuid;

    const TIMEOUT: Duration = Duration::from_secs(120);

    async fn pass(seconds: u64) {
        advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_beat_and_a_long_pause_begin_the_row_anew() {
        let standing = Standing::default();
        assert_eq!(standing.unbroken_for(), Duration::ZERO);
        let beat = || standing.stored(Instant::now(), TIMEOUT);
        beat();
        pass(60).await;
        beat();
        assert_eq!(standing.unbroken_for(), Duration::from_secs(60));
        standing.broken();
        assert_eq!(standing.unbroken_for(), Duration::ZERO);
        beat();
        pass(10).await;
        assert_eq!(standing.unbroken_for(), Duration::from_secs(10));
        pass(110).await;
        beat();
        assert_eq!(standing.unbroken_for(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn another_is_watched_from_its_last_beat_that_was_seen() {
        let standing = Standing::default();
        let mut record = ConductorRecord {
            hostname: "two".to_owned(),
            incarnation: Incarnation(Uuid::from_u128(2)),
            conductor_group: String::new(),
            drivers: Vec::new(),
            interfaces: BTreeMap::new(),
            online: true,
            address: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            own_clock: None,
        };
        assert_eq!(standing.watch(&record), Duration::ZERO);
        pass(30).await;
        assert_eq!(standing.watch(&record), Duration::from_secs(30));
        record.updated_at = Timestamp::MAX;
        assert_eq!(standing.watch(&record), Duration::ZERO);
        pass(5).await;
        record.incarnation = Incarnation(Uuid::from_u128(3));
        assert_eq!(standing.watch(&record), Duration::ZERO, "a new one");
    }

    #[tokio::test(start_paused = true)]
    async fn the_stores_clock_goes_on_between_looks_at_it() {
        let standing = Standing::default();
        standing.note_clock(Timestamp::UNIX_EPOCH);
        pass(7).await;
        assert_eq!(standing.clock().unwrap().as_second(), 7);
    }
}
