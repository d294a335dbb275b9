//! The place of one connection, and whose turn it is there. To be chosen to go and to have a request noticed are
//! changes under one lock: whoever's request is noticed first stays, and whoever is gone first has nothing begun.

use super::{Door, GRACE, Guest, Places};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Held until the connection has ended.
pub(in crate::listener) struct Seat {
    places: Places,
    taken: Arc<Mutex<usize>>,
    /// Locked before the state of all places, never after it.
    standing: Mutex<Standing>,
    called: Arc<Notify>,
}

struct Standing {
    turn: Turn,
    /// The client has yet to take what it was sent.
    is_behind: bool,
    /// Among those who keep us waiting.
    number: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The client's, to send a request or the rest of it.
    Asking,
    /// Ours, to do it.
    Doing,
    /// Ours as long as the client takes its answer.
    Answering,
    /// Nobody's: the place is given away.
    Gone,
}

impl Standing {
    /// For how long the client may keep us waiting; `None`: it does not.
    fn excuse(&self) -> Option<Duration> {
        match self.turn {
            Turn::Asking if self.is_behind => Some(GRACE),
            Turn::Asking => Some(Duration::ZERO),
            Turn::Answering => self.is_behind.then_some(GRACE),
            Turn::Doing | Turn::Gone => None,
        }
    }
}

impl Seat {
    /// In a place of this door that is counted already.
    pub(super) fn new(door: &Door) -> Self {
        let seat = Self {
            places: door.places.clone(),
            taken: Arc::clone(&door.taken),
            standing: Mutex::new(Standing {
                turn: Turn::Asking,
                is_behind: false,
                number: None,
            }),
            called: Arc::default(),
        };
        seat.change(|_| true);
        seat
    }

    /// When the place is somebody else's. Nothing is to be begun for the client from then on.
    pub(in crate::listener) async fn is_given_away(&self) {
        loop {
            let mut called = pin!(self.called.notified());
            called.as_mut().enable();
            if self.goes() {
                return;
            }
            called.await;
        }
    }

    fn goes(&self) -> bool {
        let mut standing = self.standing.lock();
        let state = self.places.0.state.lock();
        let goes = standing
            .number
            .is_some_and(|number| state.leaving.contains(&number));
        if goes {
            standing.turn = Turn::Gone;
        }
        goes
    }

    /// The client has sent what we need in order to answer. It stays until that is done, also if it was to go.
    pub(in crate::listener) fn does(&self) {
        self.change(|standing| {
            let asks = standing.turn == Turn::Asking;
            if asks {
                standing.turn = Turn::Doing;
            }
            asks
        });
    }

    /// It is done: what is left is the client's to take.
    pub(in crate::listener) fn answers(&self) {
        self.change(|standing| {
            standing.turn = Turn::Answering;
            true
        });
    }

    /// All of the answer is on its way: the client may send the next request.
    pub(in crate::listener) fn asks(&self) {
        self.change(|standing| {
            standing.turn = Turn::Asking;
            true
        });
    }

    /// There is something that the client does not take.
    pub(in crate::listener) fn falls_behind(&self) {
        self.change(|standing| !std::mem::replace(&mut standing.is_behind, true));
    }

    /// The client has taken enough of it to be given time for more.
    pub(in crate::listener) fn takes(&self) {
        self.change(|standing| standing.is_behind);
    }

    /// The client has taken all that there is so far.
    pub(in crate::listener) fn catches_up(&self) {
        self.change(|standing| std::mem::replace(&mut standing.is_behind, false));
    }

    /// Whoever keeps us waiting after a change does so from now on.
    fn change(&self, is_change: impl FnOnce(&mut Standing) -> bool) {
        let mut standing = self.standing.lock();
        if standing.turn == Turn::Gone || !is_change(&mut standing) {
            return;
        }
        let excuse = standing.excuse();
        if standing.number.is_none() && excuse.is_none() {
            return;
        }
        let mut state = self.places.0.state.lock();
        let stays = standing
            .number
            .take()
            .is_some_and(|number| state.forget(number));
        if stays {
            state.settled += 1;
        }
        standing.number = excuse.map(|excuse| {
            state.queue(Guest {
                door: Arc::as_ptr(&self.taken).addr(),
                excused_until: Instant::now() + excuse,
                called: Arc::clone(&self.called),
            })
        });
        drop(state);
        // Whoever is excused for now is found when that is over.
        if stays || excuse == Some(Duration::ZERO) {
            self.places.0.changed.notify_waiters();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.places.0.state.lock();
        if let Some(number) = self.standing.get_mut().number {
            state.forget(number);
        }
        state.taken -= 1;
        state.settled += 1;
        *self.taken.lock() -= 1;
        drop(state);
        self.places.0.changed.notify_waiters();
    }
}
