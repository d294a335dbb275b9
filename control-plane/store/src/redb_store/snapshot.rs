//! All of one moment, a few at a time. Between two of them nothing is held but redb's snapshot, and that is given up when
//! the database must be opened again.

use super::error::{failed, unreadable};
use super::schema::{EVENTS, IDS, INDEX, NODE_EVENTS, NUMBERS, RECORDS, SEALED_FIELDS, number};
use super::shared::{LongRead, Shared};
use super::{envelope, index};
use crate::StoreError;
use crate::record::{FieldValue, Table};
use crate::seal::place_of_event;
use crate::transfer::Counters;
use crate::upkeep::{
    Beside, Finding, IndexEntry, Item, Scope, SealedEvent, SealedRecord, Snapshot,
};
use crate::value;
use async_trait::async_trait;
use ferric_model::event::TimelineEvent;
use ferric_model::ids::NodeId;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use std::ops::Bound;
use std::sync::Arc;
use tokio::task::spawn_blocking;

const DOING: &str = "reading all of the store";
/// At once: documents are a few hundred KB at most.
const RECORDS_AT_ONCE: usize = 64;
const EVENTS_AT_ONCE: usize = 1000;
const ENTRIES_AT_ONCE: usize = 5000;

/// Where the walk stands: what comes next.
#[derive(Clone, Debug)]
enum Walk {
    Records(Table, u64),
    Events(u64),
    Entries(Vec<u8>),
    Counts,
    End,
}

pub(super) struct RedbSnapshot {
    read: LongRead,
    shared: Arc<Shared>,
    /// Without threads: where the store is in memory.
    inline: bool,
    scope: Scope,
    walk: Walk,
    counters: Counters,
    records: u64,
    /// Records with sealed fields beside them.
    beside: u64,
    /// Events that their node's timeline names.
    listed: u64,
}

impl RedbSnapshot {
    pub(super) fn begin(
        shared: Arc<Shared>,
        inline: bool,
        scope: Scope,
    ) -> Result<Self, StoreError> {
        let read =
            shared.long_read(|engine| engine.database.begin_read().map_err(failed(DOING)))?;
        let mut snapshot = Self {
            read,
            shared,
            inline,
            scope,
            walk: Walk::Records(Table::ALL[0], 0),
            counters: Counters::default(),
            records: 0,
            beside: 0,
            listed: 0,
        };
        snapshot.counters = snapshot.with(|read| {
            let numbers = read.open_table(NUMBERS).map_err(failed(DOING))?;
            Counters::read(&numbers)
        })?;
        Ok(snapshot)
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &*self.read.lock() {
            Some(read) => work(read),
            None => Err(StoreError::Away {
                doing: DOING,
                source: "the store had to be opened again meanwhile: begin again".into(),
            }),
        }
    }

    /// Not empty but at the end.
    fn step(&mut self) -> Result<Vec<Item>, StoreError> {
        loop {
            let items = match self.walk.clone() {
                Walk::Records(table, after) => self.records(table, after)?,
                Walk::Events(after) => self.events(after)?,
                Walk::Entries(after) => self.entries(&after)?,
                Walk::Counts => self.counts()?,
                Walk::End => return Ok(Vec::new()),
            };
            if !items.is_empty() {
                return Ok(items);
            }
        }
    }

    fn records(&mut self, table: Table, after: u64) -> Result<Vec<Item>, StoreError> {
        let (mut last, mut with_fields) = (after, 0);
        let items = self.with(|read| {
            let records = read.open_table(RECORDS).map_err(failed(DOING))?;
            let ids = read.open_table(IDS).map_err(failed(DOING))?;
            let sealed = read.open_table(SEALED_FIELDS).map_err(failed(DOING))?;
            let first = Bound::Excluded((number(table), after));
            let end = Bound::Included((number(table), u64::MAX));
            let range = ReadableTable::range(&records, (first, end)).map_err(failed(DOING))?;
            let mut items = Vec::new();
            for entry in range.take(RECORDS_AT_ONCE) {
                let (place, bytes) = entry.map_err(failed(DOING))?;
                last = place.value().1;
                let beside = ReadableTable::get(&sealed, place.value()).map_err(failed(DOING))?;
                let beside = beside.map(|beside| beside.value().to_vec());
                with_fields += u64::from(beside.is_some());
                let record = match record((table, last), bytes.value(), beside) {
                    Ok(record) => record,
                    Err(error) if self.scope == Scope::Indexes => {
                        items.push(problem(
                            format!("{table:?} number {last}"),
                            error.to_string(),
                        ));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let id = (number(table), record.id.as_str());
                let found = ReadableTable::get(&ids, id).map_err(failed(DOING))?;
                if found.map(|found| found.value()) != Some(last) {
                    let place = format!("{table:?} {}", record.id);
                    items.push(problem(place, "its id leads to another place"));
                }
                items.push(Item::Record(record));
            }
            Ok(items)
        })?;
        self.beside += with_fields;
        self.records += u64::try_from(items.len()).unwrap_or_default();
        self.walk = if items.is_empty() {
            let mut tables = Table::ALL.iter().copied();
            tables.find(|next| *next == table);
            let next = tables.next();
            next.map_or(Walk::Events(0), |next| Walk::Records(next, 0))
        } else {
            Walk::Records(table, last)
        };
        Ok(items)
    }

    fn events(&mut self, after: u64) -> Result<Vec<Item>, StoreError> {
        let sealed = self.with(|read| {
            let events = read.open_table(EVENTS).map_err(failed(DOING))?;
            let range = (Bound::Excluded(after), Bound::Unbounded);
            let range = ReadableTable::range::<u64>(&events, range).map_err(failed(DOING))?;
            let some = range.take(EVENTS_AT_ONCE).map(|entry| {
                entry.map(|(sequence, sealed)| (sequence.value(), sealed.value().to_vec()))
            });
            some.collect::<Result<Vec<_>, _>>().map_err(failed(DOING))
        })?;
        let Some((last, _)) = sealed.last() else {
            self.walk = match self.scope {
                Scope::Documents => Walk::End,
                Scope::Indexes => Walk::Entries(Vec::new()),
            };
            return Ok(Vec::new());
        };
        self.walk = Walk::Events(*last);
        let mut items = Vec::new();
        for (sequence, sealed) in sealed {
            let node = match self.scope {
                Scope::Documents => None,
                Scope::Indexes => self.timeline_of(sequence, &sealed)?,
            };
            self.listed += u64::from(node.is_some());
            items.push(Item::Event(SealedEvent {
                sequence,
                node,
                sealed,
            }));
        }
        Ok(items)
    }

    /// The node of an event, if its timeline names the event.
    fn timeline_of(&self, sequence: u64, sealed: &[u8]) -> Result<Option<NodeId>, StoreError> {
        let clear = self.shared.sealer.open(&place_of_event(sequence), sealed);
        let event = clear
            .ok()
            .and_then(|clear| serde_json::from_slice(&clear).ok());
        let Some(event): Option<TimelineEvent> = event else {
            return Ok(None);
        };
        self.with(|read| {
            let timelines = read.open_table(NODE_EVENTS).map_err(failed(DOING))?;
            let place = (event.node.0.as_u128(), sequence);
            let found = ReadableTable::get(&timelines, place).map_err(failed(DOING))?;
            Ok(found.map(|_| event.node))
        })
    }

    fn entries(&mut self, after: &[u8]) -> Result<Vec<Item>, StoreError> {
        let keys = self.with(|read| {
            let entries = read.open_table(INDEX).map_err(failed(DOING))?;
            let range = (Bound::Excluded(after), Bound::Unbounded);
            let range = ReadableTable::range::<&[u8]>(&entries, range).map_err(failed(DOING))?;
            let some = range.take(ENTRIES_AT_ONCE);
            let keys = some.map(|entry| entry.map(|(key, _)| key.value().to_vec()));
            keys.collect::<Result<Vec<_>, _>>().map_err(failed(DOING))
        })?;
        self.walk = match keys.last() {
            Some(last) => Walk::Entries(last.clone()),
            None => Walk::Counts,
        };
        Ok(keys.iter().map(|key| entry(key)).collect())
    }

    /// What names nothing at all shows in the numbers only.
    fn counts(&mut self) -> Result<Vec<Item>, StoreError> {
        self.walk = Walk::End;
        let (ids, timelines, beside) = self.with(|read| {
            let ids = read.open_table(IDS).map_err(failed(DOING))?;
            let timelines = read.open_table(NODE_EVENTS).map_err(failed(DOING))?;
            let beside = read.open_table(SEALED_FIELDS).map_err(failed(DOING))?;
            Ok((
                ids.len().map_err(failed(DOING))?,
                timelines.len().map_err(failed(DOING))?,
                beside.len().map_err(failed(DOING))?,
            ))
        })?;
        let mut items = Vec::new();
        if ids != self.records {
            let text = format!("{ids} ids for {} records", self.records);
            items.push(problem("ids".to_owned(), text));
        }
        if timelines != self.listed {
            let text = format!("{timelines} entries for {} events", self.listed);
            items.push(problem("timelines".to_owned(), text));
        }
        if beside != self.beside {
            let text = format!("{beside} entries, of which {} are of records", self.beside);
            items.push(problem("sealed fields".to_owned(), text));
        }
        Ok(items)
    }
}

#[async_trait]
impl Snapshot for RedbSnapshot {
    fn counters(&self) -> Counters {
        self.counters
    }

    async fn next(&mut self) -> Result<Vec<Item>, StoreError> {
        if self.inline {
            return self.step();
        }
        let mut working = Self {
            read: Arc::clone(&self.read),
            shared: Arc::clone(&self.shared),
            walk: self.walk.clone(),
            ..*self
        };
        let done = spawn_blocking(move || working.step().map(|items| (working, items))).await;
        let (working, items) = done.map_err(|source| StoreError::Backend {
            doing: DOING,
            source: Box::new(source),
        })??;
        *self = working;
        Ok(items)
    }

    fn indexed(&self, field: &FieldValue) -> Vec<u8> {
        let mut bytes = Vec::new();
        value::encode(field, &mut bytes);
        bytes
    }
}

fn record(
    (table, sequence): (Table, u64),
    bytes: &[u8],
    beside: Option<Vec<u8>>,
) -> Result<SealedRecord, StoreError> {
    let (head, sealed) = envelope::head(bytes).map_err(unreadable)?;
    let names = table.fields().iter().map(|name| (*name).to_owned());
    Ok(SealedRecord {
        table,
        id: head.id,
        sequence,
        revision: head.revision.0,
        epoch: head.epoch,
        fields: names.zip(head.values).collect(),
        sealed: sealed.to_vec(),
        beside: Beside::Kept(beside),
    })
}

/// An entry's field by its name.
fn entry(key: &[u8]) -> Item {
    let parts = key
        .split_at_checked(2)
        .and_then(|(front, rest)| Some((front, rest.split_last_chunk::<8>()?)));
    let Some(([table, field], (value, _))) = parts else {
        return problem("index".to_owned(), "an entry is too short");
    };
    let mut tables = Table::ALL.iter();
    let known = tables.find(|known| number(**known) == *table);
    let name = known.and_then(|known| known.fields().get(usize::from(*field)));
    let Some(name) = name else {
        let text = format!("an entry is of table {table}, field {field}");
        return problem("index".to_owned(), text);
    };
    Item::Entry(IndexEntry {
        table: *table,
        field: (*name).to_owned(),
        value: value.to_vec(),
        sequence: index::sequence(key),
    })
}

fn problem(place: String, problem: impl Into<String>) -> Item {
    Item::Problem(Finding {
        place,
        problem: problem.into(),
    })
}
