//! A store that several conductors share, as one of them reaches it: the server can be away, this one alone can be cut off
//! from it, and the process can be stopped in the middle of a call, as SIGSTOP does.

use async_trait::async_trait;
use ferric_store::{
    EventFilter, Key, Outline, Page, Query, Record, Revision, Store, StoreError, StoredEvent,
    Table, Transaction,
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The database server, with a clock of its own.
pub(super) struct Server {
    records: Arc<dyn Store>,
    away: AtomicBool,
    began: Instant,
    /// Seconds.
    stepped_by: AtomicI64,
}

impl Server {
    pub(super) fn new(records: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            records,
            away: AtomicBool::new(false),
            began: Instant::now(),
            stepped_by: AtomicI64::new(0),
        })
    }

    pub(super) fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Forward, or back.
    pub(super) fn step_clock(&self, seconds: i64) {
        self.stepped_by.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Far from that of any conductor.
    fn clock(&self) -> Timestamp {
        let stepped = SignedDuration::from_secs(self.stepped_by.load(Ordering::SeqCst));
        Timestamp::UNIX_EPOCH + self.began.elapsed() + stepped
    }
}

pub(super) struct SharedStore {
    server: Arc<Server>,
    cut_off: AtomicBool,
    frozen: watch::Sender<bool>,
    /// How many commits of nodes are left until the process is stopped right behind one.
    freezes_after: Mutex<Option<usize>>,
    /// How much later than others the answers of commits of nodes come that a stop held up.
    late: Duration,
}

impl SharedStore {
    pub(super) fn new(server: Arc<Server>, late: Duration) -> Arc<Self> {
        Arc::new(Self {
            server,
            cut_off: AtomicBool::new(false),
            frozen: watch::Sender::new(false),
            freezes_after: Mutex::new(None),
            late,
        })
    }

    pub(super) fn cut_off(&self, cut_off: bool) {
        self.cut_off.store(cut_off, Ordering::SeqCst);
    }

    /// SIGSTOP and SIGCONT.
    pub(super) fn freeze(&self, frozen: bool) {
        *self.freezes_after.lock() = None;
        self.frozen.send_replace(frozen);
    }

    pub(super) fn freeze_after(&self, commits: usize) {
        *self.freezes_after.lock() = Some(commits);
    }

    pub(super) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Ends at once, or when the process goes on. Answers whether it had to be waited for.
    pub(super) async fn thawed(&self) -> bool {
        let was_frozen = self.is_frozen();
        let mut frozen = self.frozen.subscribe();
        frozen.wait_for(|frozen| !frozen).await.unwrap();
        was_frozen
    }

    async fn reach(&self) -> Result<(), StoreError> {
        self.thawed().await;
        if self.server.away.load(Ordering::SeqCst) || self.cut_off.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(100)).await;
            return Err(StoreError::Away {
                doing: "reaching the server",
                source: "connection refused".into(),
            });
        }
        Ok(())
    }

    fn may_freeze_now(&self) {
        let mut left = self.freezes_after.lock();
        match &mut *left {
            None => {}
            Some(0) => {
                *left = None;
                self.frozen.send_replace(true);
            }
            Some(left) => *left -= 1,
        }
    }
}

#[async_trait]
impl Store for SharedStore {
    fn is_exclusive(&self) -> bool {
        false
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.reach().await?;
        let now = self.server.clock();
        self.thawed().await;
        Ok(Some(now))
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        self.reach().await?;
        let is_about_nodes = transaction
            .put
            .iter()
            .any(|put| put.key.table == Table::Node);
        let committed = self.server.records.commit(transaction).await;
        if is_about_nodes {
            self.may_freeze_now();
        }
        if self.thawed().await && is_about_nodes {
            sleep(self.late).await;
        }
        committed
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.reach().await?;
        let found = self.server.records.get(key).await;
        self.thawed().await;
        found
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        self.reach().await?;
        let found = self.server.records.page(query).await;
        self.thawed().await;
        found
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        self.reach().await?;
        let found = self.server.records.outlines(query).await;
        self.thawed().await;
        found
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        self.reach().await?;
        self.server.records.events(filter).await
    }
}
