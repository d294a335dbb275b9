//! Who may be connected: so many clients of one listener, and so many of all of them. When every place is taken,
//! whoever has kept us waiting for the longest gives its place to the next client.
//!
//! Whoever is idle keeps us waiting, whoever sends slowly, and whoever does not take its answer. A client whose request
//! is being done is never sent away.

mod seat;
#[cfg(test)]
mod tests;

pub(super) use seat::Seat;

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Whoever takes some of its answer is not sent away for so long: that may be all that the network lets through.
const GRACE: Duration = Duration::from_secs(1);

/// The places of all listeners of the process. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    total: usize,
    state: Mutex<State>,
    /// A place has become free, or somebody could be sent away.
    changed: Notify,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// How often somebody has gone, or has stayed who was to go.
    settled: u64,
    next: u64,
    /// Those who keep us waiting, the one first who has done so for longest.
    waiting: BTreeMap<u64, Guest>,
    /// Those who are to go, and do not know it yet.
    leaving: BTreeSet<u64>,
}

struct Guest {
    door: usize,
    /// Until then it may keep us waiting.
    excused_until: Instant,
    called: Arc<Notify>,
}

/// The places of one listener.
pub(super) struct Door {
    places: Places,
    limit: usize,
    taken: Arc<Mutex<usize>>,
}

impl Places {
    pub(super) fn new(total: usize) -> Self {
        Self(Arc::new(Inner {
            total,
            state: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// For one listener, which has at most `limit` of them.
    pub(super) fn door(&self, limit: usize) -> Door {
        Door {
            places: self.clone(),
            limit,
            taken: Arc::default(),
        }
    }
}

impl State {
    /// Behind all who wait already.
    fn queue(&mut self, guest: Guest) -> u64 {
        self.next += 1;
        self.waiting.insert(self.next, guest);
        self.next
    }

    /// Sends away whoever has waited for longest and `fits`. A request of it that is noticed first keeps it here.
    fn send_away(&mut self, fits: impl Fn(&Guest) -> bool) -> bool {
        let now = Instant::now();
        let mut waiting = self.waiting.iter();
        let first = waiting.find(|(_, guest)| guest.excused_until <= now && fits(guest));
        let Some(number) = first.map(|(number, _)| *number) else {
            return false;
        };
        if let Some(guest) = self.waiting.remove(&number) {
            self.leaving.insert(number);
            guest.called.notify_waiters();
        }
        true
    }

    /// Who had this number does not keep us waiting any more. Whether it was to go.
    fn forget(&mut self, number: u64) -> bool {
        self.waiting.remove(&number);
        self.leaving.remove(&number)
    }
}

impl Door {
    /// A place, as soon as there is one: somebody else's, if need be.
    pub(super) async fn enter(&self) -> Seat {
        let mut sent_away = None;
        loop {
            let mut changed = pin!(self.places.0.changed.notified());
            changed.as_mut().enable();
            if self.try_enter(&mut sent_away) {
                return Seat::new(self);
            }
            // Somebody's excuse may have run out by then.
            drop(timeout(GRACE, changed).await);
        }
    }

    /// `sent_away`: how many had gone when somebody was last sent away, who is not followed by another before one has.
    fn try_enter(&self, sent_away: &mut Option<u64>) -> bool {
        let mut state = self.places.0.state.lock();
        let mut taken = self.taken.lock();
        if *taken < self.limit && state.taken < self.places.0.total {
            *taken += 1;
            state.taken += 1;
            return true;
        }
        // Nobody of another listener has to go for the sake of this one's own limit.
        let any = *taken < self.limit;
        drop(taken);
        if *sent_away != Some(state.settled)
            && state.send_away(|guest| any || guest.door == self.name())
        {
            *sent_away = Some(state.settled);
        }
        false
    }

    /// Of nobody else as long as the door is there.
    fn name(&self) -> usize {
        Arc::as_ptr(&self.taken).addr()
    }
}
