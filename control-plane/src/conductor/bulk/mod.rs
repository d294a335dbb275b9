//! Bulk requests: stored with all their items before the client is answered, carried out item by item, whoever has asked
//! being there or not.
//!
//! Whichever conductor is asked hands the items out (`queue`), each to the owner of its node (`carry`); whoever is started,
//! or outlives that conductor, goes on with it (`takeover`). The commit that begins an item's work says so in the item
//! (`errand`), and expects it to be queued: that is why nothing is begun twice, however often it is handed out.

mod carry;
mod errand;
mod pass;
mod queue;
mod takeover;
mod trim;

#[cfg(test)]
mod tests;

pub(super) use carry::Carried;
pub(super) use errand::{Errand, noted, of_deleted, request_of};
pub(super) use queue::Queues;

use super::Conductor;
use super::requests::{NO_ROOM_RETRY_S, RequestError};
use ferric_model::bulk::{BulkAction, BulkItem, BulkRequest, BulkState};
use ferric_model::ids::BulkRequestId;
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Record, Revision, Room, StoreError, Table,
    Transaction,
};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Items that are cancelled in one commit.
const CANCELLED_AT_ONCE: usize = 200;
/// How often a request is looked at that another conductor works off.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What became of a request that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    Stored,
    /// There is one with this id already, and nothing was stored.
    Known,
}

impl Conductor {
    /// One without items, left to this conductor.
    pub fn new_bulk_request(&self, id: Option<BulkRequestId>, action: BulkAction) -> BulkRequest {
        BulkRequest {
            id: id.unwrap_or_else(|| BulkRequestId(self.new_id())),
            action,
            owner: None,
            by: None,
            digest: String::new(),
            items: 0,
            open: false,
            worker: self.worker(),
            configdrive: None,
            created_at: self.now(),
        }
    }

    /// Stores a request with its items, and begins to carry out those that are queued.
    ///
    /// # Errors
    /// Busy when too many items are queued already; nothing is stored then.
    pub async fn accept_bulk_request(
        &self,
        mut request: BulkRequest,
        items: Vec<BulkItem>,
    ) -> Result<Acceptance, RequestError> {
        let this = self.clone();
        request.items = u32::try_from(items.len()).unwrap_or(u32::MAX);
        request.open = items.iter().any(|item| item.state == BulkState::Queued);
        self.tracked(async move {
            let new = Transaction::new()
                .expect(Expectation::Absent(request.key()))
                .expect(Expectation::Room(this.room_in_queue()))
                .put(&request);
            let stored = items.iter().fold(new, Transaction::put);
            match this.store().commit(stored).await {
                Ok(_) => {}
                Err(StoreError::Stale { .. }) => return Ok(Acceptance::Known),
                Err(StoreError::NoRoom { limit }) => return Err(full(limit)),
                Err(error) => return Err(error.into()),
            }
            if request.open {
                this.begin_bulk_request(request.id);
            }
            Ok(Acceptance::Stored)
        })
        .await
    }

    /// Waits until nothing of it is queued any more, or for as long as this, or until the conductor stops.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bulk_request_settles(
        &self,
        id: BulkRequestId,
        limit: Duration,
    ) -> Result<(), RequestError> {
        let deadline = Instant::now() + limit;
        loop {
            let mut settled = std::pin::pin!(self.queues().settled());
            // Listening begins before the look.
            settled.as_mut().enable();
            let found = self.bulk_request(id).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            let is_open = found.is_some_and(|(request, _)| request.open);
            if !is_open || left.is_zero() || self.stopping() {
                return Ok(());
            }
            let settled = self.stop_token().run_until_cancelled(settled);
            drop(timeout(left.min(LOOK_EVERY), settled).await);
        }
    }

    /// Cancels what has not begun; answers how many items that were.
    ///
    /// # Errors
    /// Those of the store: some may be cancelled then.
    pub async fn cancel_bulk_request(&self, id: BulkRequestId) -> Result<usize, RequestError> {
        let this = self.clone();
        self.tracked(async move {
            let mut cancelled = 0;
            loop {
                let query = Query {
                    limit: CANCELLED_AT_ONCE,
                    ..queued(id)
                };
                let records = this.store().page(&query).await?.records;
                if records.is_empty() {
                    this.queues().tell();
                    return Ok(cancelled);
                }
                cancelled += this.cancel_items(&records).await?;
            }
        })
        .await
    }

    /// All of these, or, where one of them has begun meanwhile, those that have not.
    async fn cancel_items(&self, records: &[Record]) -> Result<usize, StoreError> {
        match self.cancel_at_once(records).await {
            Err(StoreError::Stale { .. }) => {}
            done => return done.map(|()| records.len()),
        }
        let mut cancelled = 0;
        for record in records.chunks(1) {
            match self.cancel_at_once(record).await {
                Ok(()) => cancelled += 1,
                Err(StoreError::Stale { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(cancelled)
    }

    async fn cancel_at_once(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut all = Transaction::new();
        for record in records {
            let item: BulkItem = record.decode()?;
            let item = item.with_state(BulkState::Cancelled, self.now());
            all = with_item(all, &item, record.revision);
        }
        self.store().commit(all).await.map(drop)
    }

    /// The request as it stands.
    async fn bulk_request(
        &self,
        id: BulkRequestId,
    ) -> Result<Option<(BulkRequest, Revision)>, StoreError> {
        let record = self.store().get(&Key::new(Table::BulkRequest, id)).await?;
        let decoded = record.map(|record| Ok((record.decode()?, record.revision)));
        decoded.transpose()
    }

    fn room_in_queue(&self) -> Room {
        let queued = FieldValue::Text(BulkState::Queued.name().to_owned());
        Room {
            table: Table::BulkItem,
            filters: vec![("state", vec![queued])],
            limit: self.settings().conductor.bulk_max_queued,
        }
    }
}

/// The items of a request that have not begun, in their order.
fn queued(id: BulkRequestId) -> Query {
    let state = FieldValue::Text(BulkState::Queued.name().to_owned());
    Query {
        sort: Some("number".to_owned()),
        ..items(id).filter("state", vec![state])
    }
}

fn items(id: BulkRequestId) -> Query {
    let request = FieldValue::Text(id.to_string());
    Query::all(Table::BulkItem).filter("request", vec![request])
}

/// A changed item, if it still stands at this revision.
fn with_item(transaction: Transaction, item: &BulkItem, revision: Revision) -> Transaction {
    let unchanged = Expectation::Revision(item.key(), revision);
    transaction.expect(unchanged).put(item)
}

fn full(limit: usize) -> RequestError {
    RequestError::Busy {
        reason: format!("{limit} nodes of bulk requests wait already: try again later"),
        retry_after_s: NO_ROOM_RETRY_S,
    }
}
