//! A backup: one file, sealed as the store is, with a checksum at its end. Nothing in it is in the clear but numbers, ids
//! and the table that a document is of.

use super::{Item, Scope, Snapshot, Upkeep};
use crate::StoreError;
use crate::seal::KEY_CHECK;
use aws_lc_rs::digest::{Context, SHA256};

pub(super) const MAGIC: &[u8] = b"ferric backup 1\n";
pub(super) const DIGEST_BYTES: usize = 32;

/// What a frame holds. Each is a byte for its kind, four for its length, and its content.
pub(super) mod kind {
    /// Counters, and the check of the key.
    pub(in crate::upkeep) const HEAD: u8 = 1;
    pub(in crate::upkeep) const RECORD: u8 = 2;
    pub(in crate::upkeep) const EVENT: u8 = 3;
    /// How many records and events there are. The digest of all bytes before follows.
    pub(in crate::upkeep) const END: u8 = 4;
}

/// A backup in the making.
pub struct Backup {
    snapshot: Box<dyn Snapshot>,
    digest: Context,
    beginning: Vec<u8>,
    records: u64,
    events: u64,
    ended: bool,
}

impl Backup {
    /// Of this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn begin(store: &dyn Upkeep) -> Result<Self, StoreError> {
        let snapshot = store.snapshot(Scope::Documents).await?;
        let counters = snapshot.counters();
        let mut head = Vec::new();
        for number in [counters.revision, counters.sequence, counters.event] {
            head.extend(number.to_be_bytes());
        }
        head.extend(store.sealer().seal(KEY_CHECK, KEY_CHECK)?);
        let mut beginning = MAGIC.to_vec();
        frame(&mut beginning, kind::HEAD, &[&head]);
        Ok(Self {
            snapshot,
            digest: Context::new(&SHA256),
            beginning,
            records: 0,
            events: 0,
            ended: false,
        })
    }

    /// The next bytes of the file; none at its end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next(&mut self) -> Result<Vec<u8>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let mut bytes = std::mem::take(&mut self.beginning);
        let items = self.snapshot.next().await?;
        self.ended = items.is_empty();
        for item in &items {
            self.add(&mut bytes, item);
        }
        if self.ended {
            let counts = [self.records.to_be_bytes(), self.events.to_be_bytes()].concat();
            frame(&mut bytes, kind::END, &[&counts]);
        }
        self.digest.update(&bytes);
        if self.ended {
            bytes.extend(self.digest.clone().finish().as_ref());
        }
        Ok(bytes)
    }

    /// Records and events so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.records, self.events)
    }

    fn add(&mut self, bytes: &mut Vec<u8>, item: &Item) {
        match item {
            Item::Record(record) => {
                self.records += 1;
                let mut head = vec![record.table.number()];
                head.extend(record.sequence.to_be_bytes());
                head.extend(record.revision.to_be_bytes());
                let length = u32::try_from(record.id.len()).expect("ids are short");
                head.extend(length.to_be_bytes());
                head.extend(record.id.as_bytes());
                frame(bytes, kind::RECORD, &[&head, &record.sealed]);
            }
            Item::Event(event) => {
                self.events += 1;
                let sequence = event.sequence.to_be_bytes();
                frame(bytes, kind::EVENT, &[&sequence, &event.sealed]);
            }
            Item::Entry(_) | Item::Problem(_) => {}
        }
    }
}

fn frame(bytes: &mut Vec<u8>, kind: u8, content: &[&[u8]]) {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).expect("documents are far below 4 GiB");
    bytes.push(kind);
    bytes.extend(length.to_be_bytes());
    for part in content {
        bytes.extend(*part);
    }
}
