//! The database for all threads. After an error of the disk redb neither takes nor gives anything until it is opened
//! again: that is done here, so that a full disk ends nothing but the writes that found no room.

use super::commit::{Outcome, shared};
use super::engine::Engine;
use crate::StoreError;
use crate::seal::Sealer;
use crate::transaction::Transaction;
use parking_lot::{Mutex, RwLock};
use redb::ReadTransaction;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Between a write that failed and the next one that is tried.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Opens the database again. It must be there: a new one in its place would look like lost work.
pub(super) type Opener = Box<dyn Fn() -> Result<Engine, StoreError> + Send + Sync>;

/// A reader of long breath. Taken away when the database is opened again, which no reader may hold up.
pub(super) type LongRead = Arc<Mutex<Option<ReadTransaction>>>;

pub(super) struct Shared {
    pub(super) place: String,
    pub(super) sealer: Arc<Sealer>,
    slot: RwLock<Slot>,
    /// `None`: what cannot be opened again stays as it is after an error, as in tests.
    opener: Option<Opener>,
    rest: Mutex<Rest>,
    long_reads: Mutex<Vec<Weak<Mutex<Option<ReadTransaction>>>>>,
    /// Since somebody last looked: there may be room to give back.
    has_deleted: AtomicBool,
}

struct Slot {
    /// `None`: it could not be opened again yet.
    engine: Option<Engine>,
    /// How often it was opened again.
    opened: u64,
}

/// A disk that fails is not asked again at once.
#[derive(Debug, Default)]
struct Rest {
    until: Option<Instant>,
    length: Duration,
}

impl Shared {
    pub(super) fn new(engine: Engine, opener: Option<Opener>) -> Self {
        Self {
            place: engine.place.clone(),
            sealer: Arc::clone(&engine.sealer),
            slot: RwLock::new(Slot {
                engine: Some(engine),
                opened: 0,
            }),
            opener,
            rest: Mutex::default(),
            long_reads: Mutex::default(),
            has_deleted: AtomicBool::new(false),
        }
    }

    /// What may be done twice, such as reading: done again when the database had to be opened again.
    pub(super) fn read<T>(
        &self,
        work: impl Fn(&Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (opened, outcome) = self.attempt(&work);
        match outcome {
            Err(error) if is_of_disk(&error) && self.opener.is_some() => {
                self.open_again(opened, &error)?;
                self.attempt(&work).1.map_err(away)
            }
            other => other,
        }
    }

    /// On the caller's thread, which must not wait: `None` while the database is being opened again, and where its disk fails.
    pub(super) fn at_once<T>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let slot = self.slot.try_read()?;
        let outcome = work(slot.engine.as_ref()?);
        let is_whole = !matches!(&outcome, Err(error) if is_of_disk(error));
        is_whole.then_some(outcome)
    }

    /// What is done once.
    pub(super) fn once<T>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (opened, outcome) = self.attempt(work);
        match outcome {
            Err(error) if is_of_disk(&error) && self.opener.is_some() => {
                self.open_again(opened, &error).unwrap_or_default();
                Err(away(error))
            }
            other => other,
        }
    }

    /// The outcomes in the order of the transactions. When this returns, what succeeded is on the disk.
    pub(super) fn commit_group(&self, group: &[Transaction]) -> Vec<Outcome> {
        let outcome = match self.resting() {
            Some(error) => Err(error),
            None => self.once(|engine| engine.try_commit_group(group)),
        };
        match outcome {
            Ok(outcomes) => {
                self.end_rest();
                if group.iter().any(Transaction::deletes) {
                    self.note_deleted();
                }
                outcomes
            }
            Err(StoreError::Away { doing, source }) => {
                let source = Arc::new(source);
                let each = group.iter().map(|_| {
                    let source = Box::new(Shown(Arc::clone(&source)));
                    Err(StoreError::Away { doing, source })
                });
                each.collect()
            }
            Err(error) => {
                let error = Arc::new(error);
                group.iter().map(|_| Err(shared(&error))).collect()
            }
        }
    }

    /// With nobody else at the database, for whom it waits; others wait meanwhile. `None`: somebody reads for long.
    pub(super) fn alone<T>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut slot = self.slot.write();
        let is_read = |read: Arc<Mutex<Option<ReadTransaction>>>| read.lock().is_some();
        if self
            .long_reads
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .any(is_read)
        {
            return Ok(None);
        }
        let opened = slot.opened;
        let Some(engine) = &mut slot.engine else {
            return Ok(None);
        };
        let outcome = work(engine);
        drop(slot);
        match outcome {
            Err(error) if is_of_disk(&error) && self.opener.is_some() => {
                self.open_again(opened, &error).unwrap_or_default();
                Err(away(error))
            }
            other => other.map(Some),
        }
    }

    pub(super) fn note_deleted(&self) {
        self.has_deleted.store(true, Ordering::Relaxed);
    }

    /// Whether anything was deleted since this was last asked.
    pub(super) fn take_deleted(&self) -> bool {
        self.has_deleted.swap(false, Ordering::Relaxed)
    }

    /// A reader that may last, of this moment.
    pub(super) fn long_read(
        &self,
        begin: impl Fn(&Engine) -> Result<ReadTransaction, StoreError>,
    ) -> Result<LongRead, StoreError> {
        self.read(|engine| {
            let read: LongRead = Arc::new(Mutex::new(Some(begin(engine)?)));
            let mut all = self.long_reads.lock();
            all.retain(|read| read.strong_count() > 0);
            all.push(Arc::downgrade(&read));
            Ok(read)
        })
    }

    /// With the number of times that it had been opened again before.
    fn attempt<T>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, StoreError>,
    ) -> (u64, Result<T, StoreError>) {
        let slot = self.slot.read();
        if let Some(engine) = &slot.engine {
            return (slot.opened, work(engine));
        }
        let opened = slot.opened;
        drop(slot);
        if let Err(error) = self.open_again(opened, &closed()) {
            return (opened, Err(error));
        }
        let slot = self.slot.read();
        let outcome = match &slot.engine {
            Some(engine) => work(engine),
            None => Err(closed()),
        };
        (slot.opened, outcome)
    }

    /// Unless somebody else has done so since.
    fn open_again(&self, opened: u64, cause: &StoreError) -> Result<(), StoreError> {
        let Some(opener) = &self.opener else {
            return Ok(());
        };
        let mut slot = self.slot.write();
        if slot.opened != opened {
            return Ok(());
        }
        if slot.engine.is_none()
            && let Some(error) = self.resting()
        {
            return Err(error);
        }
        self.begin_rest(cause);
        // redb holds the lock of the file as long as anybody reads.
        for read in self.long_reads.lock().drain(..) {
            if let Some(read) = read.upgrade() {
                drop(read.lock().take());
            }
        }
        drop(slot.engine.take());
        match opener() {
            Ok(engine) => {
                slot.engine = Some(engine);
                slot.opened += 1;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the store cannot be opened again yet"
                );
                Err(away(error))
            }
        }
    }

    fn resting(&self) -> Option<StoreError> {
        let until = self.rest.lock().until?;
        (Instant::now() < until).then(|| StoreError::Away {
            doing: "waiting for its disk",
            source: "its last write failed".into(),
        })
    }

    fn begin_rest(&self, cause: &StoreError) {
        let mut rest = self.rest.lock();
        if rest.length.is_zero() {
            tracing::warn!(
                error = cause as &dyn std::error::Error,
                "the disk of the store takes nothing: it is tried again"
            );
        }
        rest.length = (rest.length * 2).clamp(FIRST_REST, LONGEST_REST);
        rest.until = Some(Instant::now() + rest.length);
    }

    fn end_rest(&self) {
        let mut rest = self.rest.lock();
        if !rest.length.is_zero() {
            tracing::info!("the disk of the store takes writes again");
        }
        *rest = Rest::default();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Shared").field(&self.place).finish()
    }
}

/// One cause for all transactions of a group.
#[derive(Debug)]
struct Shown(Arc<Box<dyn std::error::Error + Send + Sync>>);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for Shown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Whether redb must be opened again.
fn is_of_disk(error: &StoreError) -> bool {
    matches!(
        cause(error),
        Some(redb::Error::Io(_) | redb::Error::PreviousIo)
    )
}

fn cause(error: &StoreError) -> Option<&redb::Error> {
    match error {
        StoreError::Backend { source, .. } => source.downcast_ref(),
        _ => None,
    }
}

/// Nothing is wrong with what was asked: the disk may have room again, or be back.
fn away(error: StoreError) -> StoreError {
    let doing = match cause(&error) {
        Some(redb::Error::Io(source)) if is_full(source) => "its disk is full",
        _ => "its disk fails",
    };
    match error {
        StoreError::Away { .. } => error,
        other => StoreError::Away {
            doing,
            source: Box::new(other),
        },
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn closed() -> StoreError {
    StoreError::Away {
        doing: "its disk fails",
        source: "the database could not be opened again yet".into(),
    }
}
