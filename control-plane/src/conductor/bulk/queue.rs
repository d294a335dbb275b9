//! The requests that this process works off: until nothing of one is queued any more, pass by pass.
//!
//! Nothing of it is stored but the items: a pass that is broken off is begun again.

use super::pass::hand_out;
use crate::conductor::Conductor;
use crate::conductor::engine::contained;
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use ferric_model::bulk::{BulkRequest, BulkRoom};
use ferric_model::ids::BulkRequestId;
use ferric_store::{Entity, Expectation, Revision, StoreError, Transaction};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::sleep;
use tracing::{error, warn};

/// Between two passes over what waits.
const PAUSE: Duration = Duration::from_secs(2);

/// The requests that tasks of this process work off.
#[derive(Default)]
pub(in crate::conductor) struct Queues {
    known: Mutex<BTreeSet<BulkRequestId>>,
    /// Which request waits for which room, the oldest first.
    waiting: Mutex<BTreeSet<(Lane, Turn)>>,
    settled: Notify,
}

/// When a request came, by which it has its turn.
pub(super) type Turn = (Timestamp, BulkRequestId);

/// What room an item needs, as `verbs::checks` counts it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    pub(super) room: BulkRoom,
    /// Where groups have room of their own.
    pub(super) group: Option<String>,
}

impl Queues {
    pub(super) fn settled(&self) -> Notified<'_> {
        self.settled.notified()
    }

    /// Whoever waits for a request looks at it.
    pub(super) fn tell(&self) {
        self.settled.notify_waiters();
    }

    /// Whether an earlier request waits for this room.
    pub(super) fn is_behind(&self, lane: &Lane, turn: Turn) -> bool {
        let waiting = self.waiting.lock();
        waiting
            .iter()
            .any(|(room, earlier)| room == lane && *earlier < turn)
    }

    pub(super) fn wait(&self, lane: Lane, turn: Turn) {
        self.waiting.lock().insert((lane, turn));
    }

    /// The request waits for these rooms and for no other.
    pub(super) fn waits_only(&self, lanes: &BTreeSet<Lane>, turn: Turn) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|(lane, whose)| *whose != turn || lanes.contains(lane));
    }

    fn forget(&self, id: BulkRequestId) {
        self.known.lock().remove(&id);
        self.waiting.lock().retain(|(_, (_, whose))| *whose != id);
    }
}

impl Conductor {
    /// Has the request worked off, unless somebody does already.
    pub(super) fn begin_bulk_request(&self, id: BulkRequestId) {
        if self.stopping() || !self.queues().known.lock().insert(id) {
            return;
        }
        let conductor = self.clone();
        self.work().spawn(async move {
            match contained(conductor.work_off(id)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = chain(&error);
                    warn!(request = %id, error, "a bulk request broke off; it is taken up again by the next timer");
                }
                Err(panic) => {
                    error!(request = %id, panic, "work on a bulk request panicked; it is taken up again by the next timer");
                }
            }
            conductor.queues().forget(id);
            conductor.queues().tell();
        });
    }

    pub(super) fn is_working_off(&self, id: BulkRequestId) -> bool {
        self.queues().known.lock().contains(&id)
    }

    async fn work_off(&self, id: BulkRequestId) -> Result<(), RequestError> {
        while !self.stopping() {
            let Some((request, revision)) = self.own_open(id).await? else {
                return Ok(());
            };
            if !hand_out(self, &request).await? {
                return self.close_bulk_request(request, revision).await;
            }
            let pause = sleep(PAUSE);
            self.stop_token().run_until_cancelled(pause).await;
        }
        Ok(())
    }

    /// The request, while something of it may be queued and it is still this conductor's.
    async fn own_open(
        &self,
        id: BulkRequestId,
    ) -> Result<Option<(BulkRequest, Revision)>, StoreError> {
        let found = self.bulk_request(id).await?;
        let is_own = |request: &BulkRequest| request.worker.incarnation == self.incarnation();
        Ok(found.filter(|(request, _)| request.open && is_own(request)))
    }

    async fn close_bulk_request(
        &self,
        mut request: BulkRequest,
        revision: Revision,
    ) -> Result<(), RequestError> {
        request.open = false;
        request.configdrive = None;
        let closed = Transaction::new()
            .expect(Expectation::Revision(request.key(), revision))
            .put(&request);
        match self.store().commit(closed).await {
            // Somebody else's by now.
            Ok(_) | Err(StoreError::Stale { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
