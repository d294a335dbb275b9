//! What an operator does with a whole store: back it up, restore it, check it, change its key. The same for both stores,
//! over what each shows of itself.

mod backup;
mod change_key;
mod check;
mod restore;

pub use backup::Backup;
pub use change_key::{ChangeError, Changed, change_key, prepare_key, put_key};
pub use check::{Finding, Report, check};
pub use restore::{RestoreError, Restored, restore};

use crate::StoreError;
use crate::record::{FieldValue, Table};
use crate::seal::{KeyId, Sealer};
use crate::transfer::{Counters, Movable};
use async_trait::async_trait;
use ferric_model::ids::{Epoch, NodeId};

/// A store that can be looked at and sealed anew as a whole, while it is worked with.
#[async_trait]
pub trait Upkeep: Movable {
    /// All of one moment: what is committed afterwards is not in it.
    async fn snapshot(&self, scope: Scope) -> Result<Box<dyn Snapshot>, StoreError>;

    fn sealer(&self) -> &Sealer;

    /// The key that all who share the store must seal by; `None` where that is the key file's affair alone.
    async fn wanted_key(&self) -> Result<Option<KeyId>, StoreError>;

    /// From here on nobody seals by another key than this process does.
    async fn begin_change(&self) -> Result<(), StoreError>;

    /// Seals anew what the key that seals has not sealed, of the next few behind this place.
    async fn reseal(&self, part: Part, after: u64) -> Result<Resealed, StoreError>;

    /// The store opens with the key that seals now.
    async fn end_change(&self) -> Result<(), StoreError>;
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Documents,
    /// With what finds them.
    Indexes,
}

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Records(Table),
    Events,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Where to go on; `None`: there was nothing more.
    pub last: Option<u64>,
    pub count: u64,
}

/// Records by table and sequence, then events by sequence, then entries of indexes.
#[async_trait]
pub trait Snapshot: Send {
    fn counters(&self) -> Counters;

    /// The next few; none at the end.
    async fn next(&mut self) -> Result<Vec<Item>, StoreError>;

    /// A value as it stands in the index.
    fn indexed(&self, value: &FieldValue) -> Vec<u8>;
}

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Record(SealedRecord),
    Event(SealedEvent),
    Entry(IndexEntry),
    /// What the store itself found wrong.
    Problem(Finding),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SealedRecord {
    pub table: Table,
    pub id: String,
    pub sequence: u64,
    pub revision: u64,
    pub epoch: Option<Epoch>,
    /// By name, as they stand beside the document.
    pub fields: Vec<(String, FieldValue)>,
    pub sealed: Vec<u8>,
    pub beside: Beside,
}

/// The sealed fields of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Beside {
    /// They are in the document only.
    Nowhere,
    /// Sealed by themselves, where there are any.
    Kept(Option<Vec<u8>>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SealedEvent {
    pub sequence: u64,
    /// Whose timeline it is found on; `None`: on no one's, or nobody looked.
    pub node: Option<NodeId>,
    pub sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexEntry {
    pub table: u8,
    pub field: String,
    pub value: Vec<u8>,
    pub sequence: u64,
}
