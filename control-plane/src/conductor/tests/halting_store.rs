//! A store at which the process dies: after a number of commits the next one never returns, applied or not.

use async_trait::async_trait;
use ferric_store::{
    EventFilter, Key, Outline, Page, Query, Record, Revision, Store, StoreError, StoredEvent,
    Transaction,
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// On which side of the fatal commit the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum Death {
    /// What it was about to write is lost, its last effect has happened.
    Before,
    /// It is written, and nothing happens after it.
    After,
}

pub(in crate::conductor) struct HaltingStore {
    inner: Arc<dyn Store>,
    fate: Mutex<Option<(usize, Death)>>,
    refusing: AtomicBool,
    shared: AtomicBool,
    /// What somebody else does right before the next commit.
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
    /// The most records that were read at once.
    pub(in crate::conductor) largest_page: AtomicUsize,
    pub(in crate::conductor) largest_outlines: AtomicUsize,
    /// Documents read by their key.
    pub(in crate::conductor) gets: AtomicUsize,
    pub(in crate::conductor) commits: AtomicUsize,
    /// Looks for what is not in its indexes.
    pub(in crate::conductor) completions: AtomicUsize,
    pub(in crate::conductor) died: Notify,
}

impl HaltingStore {
    pub(in crate::conductor) fn new(
        inner: Arc<dyn Store>,
        fate: Option<(usize, Death)>,
    ) -> Arc<Self> {
        let fate = Mutex::new(fate);
        Arc::new(Self {
            inner,
            fate,
            refusing: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            meanwhile: Mutex::new(None),
            largest_page: AtomicUsize::new(0),
            largest_outlines: AtomicUsize::new(0),
            gets: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            completions: AtomicUsize::new(0),
            died: Notify::new(),
        })
    }

    /// One that several conductors have open.
    pub(in crate::conductor) fn shared(inner: Arc<dyn Store>) -> Arc<Self> {
        let store = Self::new(inner, None);
        store.share();
        store
    }

    /// What becomes of the commit that comes now.
    fn next(&self) -> Option<Death> {
        let mut fate = self.fate.lock();
        match &mut *fate {
            None => None,
            Some((0, death)) => Some(*death),
            Some((left, _)) => {
                *left -= 1;
                None
            }
        }
    }

    /// The process dies at this commit, counted from now on.
    pub(in crate::conductor) fn doom(&self, fate: (usize, Death)) {
        *self.fate.lock() = Some(fate);
    }

    /// From now on no commit is taken, as on a full disk; or every one again.
    pub(in crate::conductor) fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }

    /// From now on other conductors may have it open too.
    pub(in crate::conductor) fn share(&self) {
        self.shared.store(true, Ordering::SeqCst);
    }

    /// Right before the next commit this happens first, whoever it is that does it.
    pub(in crate::conductor) fn meanwhile(
        &self,
        happens: impl Future<Output = ()> + Send + 'static,
    ) {
        *self.meanwhile.lock() = Some(Box::pin(happens));
    }

    async fn die(&self) -> ! {
        *self.fate.lock() = Some((0, Death::Before));
        self.died.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Store for HaltingStore {
    fn is_exclusive(&self) -> bool {
        !self.shared.load(Ordering::SeqCst) && self.inner.is_exclusive()
    }

    async fn commit(&self, transaction: Transaction) -> Result<Revision, StoreError> {
        let first = self.meanwhile.lock().take();
        if let Some(first) = first {
            first.await;
        }
        self.commits.fetch_add(1, Ordering::SeqCst);
        if self.refusing.load(Ordering::SeqCst) {
            return Err(StoreError::Backend {
                doing: "committing",
                source: "no space left on device".into(),
            });
        }
        match self.next() {
            Some(Death::Before) => self.die().await,
            Some(Death::After) => {
                self.inner.commit(transaction).await?;
                self.die().await
            }
            None => self.inner.commit(transaction).await,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.inner.get(key).await
    }

    /// No document is opened for it.
    async fn outline(
        &self,
        key: &Key,
        wanted: &'static [&'static str],
    ) -> Result<Option<Outline>, StoreError> {
        self.inner.outline(key, wanted).await
    }

    async fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let page = self.inner.page(query).await?;
        let length = page.records.len();
        self.largest_page.fetch_max(length, Ordering::SeqCst);
        Ok(page)
    }

    async fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let outlines = self.inner.outlines(query).await?;
        self.largest_outlines
            .fetch_max(outlines.len(), Ordering::SeqCst);
        Ok(outlines)
    }

    async fn complete_indexes(&self) -> Result<usize, StoreError> {
        self.completions.fetch_add(1, Ordering::SeqCst);
        self.inner.complete_indexes().await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.events(filter).await
    }
}
