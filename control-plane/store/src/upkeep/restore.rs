//! A backup back into a store that nothing was ever written to. The file is read twice: nothing of one that is cut off or
//! damaged gets into a store.

use super::backup::{DIGEST_BYTES, MAGIC, kind};
use crate::key_file;
use crate::record::{Key, Record, Revision, Table};
use crate::seal::{KEY_CHECK, SealError, Sealer, place_of_event, place_of_record};
use crate::transfer::{Counters, Movable, Moved};
use crate::{OpenError, StoreError, StoredEvent, entities};
use aws_lc_rs::digest::{Context, SHA256};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Documents of one transaction of the target.
const TOGETHER: usize = 100;
const EVENTS_TOGETHER: usize = 2000;
/// No document is that long: a length that says so is damage.
const LONGEST: usize = 300 << 20;

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub records: u64,
    pub events: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{0} is not empty: a backup is restored into a store that nothing was ever written to")]
    NotEmpty(String),
    #[error("reading the backup {path}")]
    Reading {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{0} is no backup of ferric, or one of a newer release")]
    Foreign(PathBuf),
    #[error("the backup {0} is cut off or damaged: its checksum is another one")]
    Damaged(PathBuf),
    #[error(
        "the backup {path} cannot be read with the keys in {key}: it needs the store.key of the time when it was made, which is in no backup"
    )]
    OtherKey { path: PathBuf, key: PathBuf },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SealError> for RestoreError {
    fn from(error: SealError) -> Self {
        Self::Store(error.into())
    }
}

impl From<OpenError> for RestoreError {
    fn from(error: OpenError) -> Self {
        Self::Store(error.into())
    }
}

/// Reads with the keys in the file `key`; what is restored is sealed by the key of the target.
///
/// # Errors
/// [`RestoreError`] says what is wrong with which side; the target is empty then, or does not open any more.
pub async fn restore(path: &Path, key: &Path, to: &dyn Movable) -> Result<Restored, RestoreError> {
    let place = to.place();
    if to.counters().await? != Counters::default() {
        return Err(RestoreError::NotEmpty(place));
    }
    let keys = key_file::read(key)?.ok_or_else(|| OpenError::KeyMissing {
        store: path.display().to_string(),
        key: key.to_owned(),
    })?;
    let sealer = Sealer::from_file(&keys, key);
    let mut checked = Frames::open(path)?;
    checked.check()?;
    let mut frames = Frames::open(path)?;
    let counters = head(&mut frames, &sealer, key)?;
    to.begin_import().await?;
    let restored = import(&mut frames, &sealer, to).await?;
    to.finish_import(counters).await?;
    Ok(restored)
}

fn head(frames: &mut Frames, sealer: &Sealer, key: &Path) -> Result<Counters, RestoreError> {
    let frame = frames.next()?;
    let mut content = frame.content.as_slice();
    let damaged = || RestoreError::Damaged(frames.path.clone());
    if frame.kind != kind::HEAD {
        return Err(damaged());
    }
    let mut number = || take_number(&mut content).ok_or_else(damaged);
    let counters = Counters {
        revision: number()?,
        sequence: number()?,
        event: number()?,
    };
    if sealer.open(KEY_CHECK, content).is_err() {
        return Err(RestoreError::OtherKey {
            path: frames.path.clone(),
            key: key.to_owned(),
        });
    }
    Ok(counters)
}

async fn import(
    frames: &mut Frames,
    sealer: &Sealer,
    to: &dyn Movable,
) -> Result<Restored, RestoreError> {
    let mut restored = Restored::default();
    let (mut records, mut events) = (Vec::new(), Vec::new());
    loop {
        let frame = frames.next()?;
        let damaged = || RestoreError::Damaged(frames.path.clone());
        match frame.kind {
            kind::RECORD => {
                let record = record(&frame.content, sealer)?;
                records.push(record.ok_or_else(damaged)?);
                restored.records += 1;
            }
            kind::EVENT => {
                let event = event(&frame.content, sealer)?;
                events.push(event.ok_or_else(damaged)?);
                restored.events += 1;
            }
            _ => {
                to.import_records(records).await?;
                to.import_events(events).await?;
                return Ok(restored);
            }
        }
        if records.len() >= TOGETHER {
            to.import_records(std::mem::take(&mut records)).await?;
        }
        if events.len() >= EVENTS_TOGETHER {
            to.import_events(std::mem::take(&mut events)).await?;
        }
    }
}

fn record(mut content: &[u8], sealer: &Sealer) -> Result<Option<Moved>, StoreError> {
    let Some((key, sequence, revision)) = record_head(&mut content) else {
        return Ok(None);
    };
    let document = sealer.open(&place_of_record(&key), content)?;
    let fields = entities::fields_of(&key, &document)?;
    let epoch = entities::epoch_of(&key, &document)?;
    let record = Record {
        key,
        revision: Revision(revision),
        sequence,
        document,
        fields,
    };
    Ok(Some(Moved { record, epoch }))
}

fn record_head(content: &mut &[u8]) -> Option<(Key, u64, u64)> {
    let (table, rest) = content.split_first()?;
    *content = rest;
    let mut tables = Table::ALL.iter();
    let table = *tables.find(|known| known.number() == *table)?;
    let (sequence, revision) = (take_number(content)?, take_number(content)?);
    let (length, rest) = content.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (id, rest) = rest.split_at_checked(length)?;
    *content = rest;
    let id = std::str::from_utf8(id).ok()?;
    Some((Key::new(table, id), sequence, revision))
}

fn event(mut content: &[u8], sealer: &Sealer) -> Result<Option<StoredEvent>, StoreError> {
    let Some(sequence) = take_number(&mut content) else {
        return Ok(None);
    };
    let clear = sealer.open(&place_of_event(sequence), content)?;
    let event = serde_json::from_slice(&clear).map_err(|source| StoreError::Backend {
        doing: "reading an event of the backup",
        source: Box::new(source),
    })?;
    Ok(Some(StoredEvent { sequence, event }))
}

fn take_number(content: &mut &[u8]) -> Option<u64> {
    let (number, rest) = content.split_first_chunk()?;
    *content = rest;
    Some(u64::from_be_bytes(*number))
}

struct Frame {
    kind: u8,
    content: Vec<u8>,
}

/// The file, frame by frame.
struct Frames {
    path: PathBuf,
    file: BufReader<File>,
    digest: Context,
}

impl Frames {
    fn open(path: &Path) -> Result<Self, RestoreError> {
        let reading = |source| RestoreError::Reading {
            path: path.to_owned(),
            source,
        };
        let mut frames = Self {
            path: path.to_owned(),
            file: BufReader::new(File::open(path).map_err(reading)?),
            digest: Context::new(&SHA256),
        };
        let mut magic = [0; MAGIC.len()];
        match frames.file.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(reading(error));
            }
            Ok(()) | Err(_) => return Err(RestoreError::Foreign(path.to_owned())),
        }
        frames.digest.update(&magic);
        Ok(frames)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RestoreError> {
        self.file.read_exact(bytes).map_err(|source| {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                return RestoreError::Damaged(self.path.clone());
            }
            RestoreError::Reading {
                path: self.path.clone(),
                source,
            }
        })
    }

    fn next(&mut self) -> Result<Frame, RestoreError> {
        let mut head = [0; 5];
        self.fill(&mut head)?;
        let [kind, a, b, c, d] = head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d]));
        let length = length.ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| RestoreError::Damaged(self.path.clone()))?;
        let mut content = vec![0; length];
        self.fill(&mut content)?;
        self.digest.update(&head);
        self.digest.update(&content);
        Ok(Frame { kind, content })
    }

    /// To the end: the counts and the digest must be right, and nothing may follow.
    fn check(&mut self) -> Result<(), RestoreError> {
        let (mut records, mut events) = (0_u64, 0_u64);
        let end = loop {
            let frame = self.next()?;
            match frame.kind {
                kind::HEAD => {}
                kind::RECORD => records += 1,
                kind::EVENT => events += 1,
                kind::END => break frame,
                _ => return Err(RestoreError::Damaged(self.path.clone())),
            }
        };
        let counts = [records.to_be_bytes(), events.to_be_bytes()].concat();
        let mut digest = [0; DIGEST_BYTES];
        self.fill(&mut digest)?;
        let right = self.digest.clone().finish().as_ref() == digest;
        let more = self.file.read(&mut [0]).map_or(1, |read| read);
        if right && end.content == counts && more == 0 {
            return Ok(());
        }
        Err(RestoreError::Damaged(self.path.clone()))
    }
}
