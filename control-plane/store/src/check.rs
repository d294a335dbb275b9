//! What must hold before a transaction writes: its expectations, and that unique values stay unique. The same for every
//! store, over what the store shows of itself.

use crate::StoreError;
use crate::record::{FieldValue, Key, Revision, Table};
use crate::transaction::{Expectation, Put, Room, Transaction};
use ferric_model::ids::Epoch;

/// What expectations are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) revision: Revision,
    pub(crate) epoch: Option<Epoch>,
}

/// A store at the moment of the commit.
pub(crate) trait View {
    /// `None`: there is no such record.
    fn standing(&self, key: &Key) -> Result<Option<Standing>, StoreError>;

    /// How many records fill this room; counting may end at its limit.
    fn filling(&self, room: &Room) -> Result<usize, StoreError>;

    /// The ids of the records with this value.
    fn holders(
        &self,
        table: Table,
        field: usize,
        value: &FieldValue,
    ) -> Result<Vec<String>, StoreError>;
}

/// Writes nothing.
pub(crate) fn transaction(view: &impl View, transaction: &Transaction) -> Result<(), StoreError> {
    for expectation in &transaction.expect {
        expected(view, expectation)?;
    }
    for (place, put) in transaction.put.iter().enumerate() {
        // Of several documents for one record the last one counts.
        if !is_replaced(transaction, place) {
            unique(view, transaction, put)?;
        }
    }
    Ok(())
}

/// Whether a later put of the same transaction has the same key.
pub(crate) fn is_replaced(transaction: &Transaction, place: usize) -> bool {
    let put = &transaction.put[place];
    transaction.put[place + 1..]
        .iter()
        .any(|later| later.key == put.key)
}

fn expected(view: &impl View, expectation: &Expectation) -> Result<(), StoreError> {
    let (key, wanted) = match expectation {
        Expectation::Room(room) => return has_room(view, room),
        Expectation::Revision(key, revision) => (key, format!("revision {}", revision.0)),
        Expectation::Absent(key) => (key, "no record".to_owned()),
        Expectation::Epoch(key, epoch) => (key, format!("epoch {}", epoch.0)),
    };
    let standing = view.standing(key)?;
    let found = match (expectation, &standing) {
        (Expectation::Absent(_), None) => return Ok(()),
        (Expectation::Revision(_, revision), Some(standing)) if standing.revision == *revision => {
            return Ok(());
        }
        (Expectation::Epoch(_, epoch), Some(standing)) => match standing.epoch {
            Some(found) if found != *epoch => format!("epoch {}", found.0),
            _ => return Ok(()),
        },
        (_, Some(standing)) => format!("revision {}", standing.revision.0),
        (_, None) => "no record".to_owned(),
    };
    Err(StoreError::Stale {
        key: key.clone(),
        expected: wanted,
        found,
    })
}

fn has_room(view: &impl View, room: &Room) -> Result<(), StoreError> {
    let limit = room.limit;
    if view.filling(room)? < limit {
        return Ok(());
    }
    Err(StoreError::NoRoom { limit })
}

fn unique(view: &impl View, transaction: &Transaction, put: &Put) -> Result<(), StoreError> {
    for (field, (name, value)) in put.fields.iter().enumerate() {
        if !put.unique.contains(name) || *value == FieldValue::Null {
            continue;
        }
        if let Some(holder) = holder(view, transaction, put, (field, value))? {
            return Err(StoreError::NotUnique {
                table: put.key.table,
                field: name,
                value: plain(value),
                holder,
            });
        }
    }
    Ok(())
}

/// Who would have the value too once the transaction is done.
fn holder(
    view: &impl View,
    transaction: &Transaction,
    put: &Put,
    (field, value): (usize, &FieldValue),
) -> Result<Option<String>, StoreError> {
    for (place, other) in transaction.put.iter().enumerate() {
        let same_value = other.fields.get(field).is_some_and(|(_, has)| has == value);
        let another = other.key.table == put.key.table && other.key != put.key;
        if another && same_value && !is_replaced(transaction, place) {
            return Ok(Some(other.key.id.clone()));
        }
    }
    for id in view.holders(put.key.table, field, value)? {
        let key = Key::new(put.key.table, id);
        let written_here = transaction.put.iter().any(|other| other.key == key);
        if !written_here && !transaction.delete.contains(&key) {
            return Ok(Some(key.id));
        }
    }
    Ok(None)
}

fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Null => "null".to_owned(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Integer(value) => value.to_string(),
        FieldValue::Text(value) => value.clone(),
    }
}
