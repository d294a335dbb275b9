//! Timeline events: one table in the order of commits, and one that finds those of a node.
//!
//! They are sealed like documents: an error's text may quote what a machine or an operator sent.

use super::commit::Tables;
use super::engine::Engine;
use super::error::{failed, unsealed};
use super::schema::{EVENTS, NODE_EVENTS, NUMBER_EVENT, NUMBERS};
use crate::seal::{Sealer, place_of_event};
use crate::{EventFilter, Forget, StoreError, StoredEvent};
use ferric_model::event::TimelineEvent;
use ferric_model::ids::NodeId;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable};

const READING: &str = "reading events";

pub(super) fn append(
    tables: &mut Tables<'_>,
    sealer: &Sealer,
    sequence: u64,
    event: &TimelineEvent,
) -> Result<(), StoreError> {
    let doing = "writing an event";
    let clear = serde_json::to_vec(event).expect("our own types serialise to JSON");
    let sealed = sealer
        .seal(&place_of_event(sequence), &clear)
        .map_err(unsealed)?;
    tables
        .events
        .insert(sequence, sealed.as_slice())
        .map_err(failed(doing))?;
    tables
        .node_events
        .insert((event.node.0.as_u128(), sequence), ())
        .map_err(failed(doing))?;
    Ok(())
}

/// Removes events of a node up to this one.
pub(super) fn forget(tables: &mut Tables<'_>, forget: &Forget) -> Result<(), StoreError> {
    let doing = "removing events";
    let node = forget.node.0.as_u128();
    let mut removed = Vec::new();
    tables
        .node_events
        .retain_in((node, 0)..=(node, forget.up_to), |(_, sequence), ()| {
            removed.push(sequence);
            false
        })
        .map_err(failed(doing))?;
    for sequence in removed {
        tables.events.remove(sequence).map_err(failed(doing))?;
    }
    Ok(())
}

impl Engine {
    pub(super) fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, StoreError> {
        let read = self.database.begin_read().map_err(failed(READING))?;
        let events = read.open_table(EVENTS).map_err(failed(READING))?;
        let mut found = Vec::new();
        for sequence in sequences(&read, filter)? {
            let Some(sealed) = ReadableTable::get(&events, sequence).map_err(failed(READING))?
            else {
                continue;
            };
            found.push(self.stored_event(sequence, sealed.value())?);
        }
        Ok(found)
    }

    pub(super) fn newest_event(&self) -> Result<u64, StoreError> {
        let read = self.database.begin_read().map_err(failed(READING))?;
        let numbers = read.open_table(NUMBERS).map_err(failed(READING))?;
        let newest = ReadableTable::get(&numbers, NUMBER_EVENT).map_err(failed(READING))?;
        Ok(newest.map_or(0, |number| number.value()))
    }

    fn stored_event(&self, sequence: u64, sealed: &[u8]) -> Result<StoredEvent, StoreError> {
        let clear = self.sealer.open(&place_of_event(sequence), sealed);
        let event = serde_json::from_slice(&clear.map_err(unsealed)?);
        let event = event.map_err(|source| StoreError::Backend {
            doing: "reading a stored event",
            source: Box::new(source),
        })?;
        Ok(StoredEvent { sequence, event })
    }
}

fn sequences(read: &ReadTransaction, filter: &EventFilter) -> Result<Vec<u64>, StoreError> {
    let Some(first) = filter.after.checked_add(1) else {
        return Ok(Vec::new());
    };
    match filter.node {
        Some(node) => of_node(read, node, first, filter.limit),
        None => of_all(read, first, filter.limit),
    }
}

fn of_node(
    read: &ReadTransaction,
    node: NodeId,
    first: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let table = read.open_table(NODE_EVENTS).map_err(failed(READING))?;
    let node = node.0.as_u128();
    let range = ReadableTable::range(&table, (node, first)..=(node, u64::MAX));
    let keys = range.map_err(failed(READING))?.take(limit);
    keys.map(|entry| entry.map(|(key, _)| key.value().1))
        .collect::<Result<_, _>>()
        .map_err(failed(READING))
}

fn of_all(read: &ReadTransaction, first: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
    let table = read.open_table(EVENTS).map_err(failed(READING))?;
    let range = ReadableTable::range(&table, first..).map_err(failed(READING))?;
    range
        .take(limit)
        .map(|entry| entry.map(|(key, _)| key.value()))
        .collect::<Result<_, _>>()
        .map_err(failed(READING))
}
