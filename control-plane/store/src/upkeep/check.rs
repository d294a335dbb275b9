//! Whether a store is whole: every document opens and is what its fields say, every index names what is there and nothing
//! else, unique values are unique, and every event is on its node's timeline.

use super::{Beside, IndexEntry, Item, Scope, SealedEvent, SealedRecord, Snapshot, Upkeep};
use crate::record::{FieldValue, Key, Table};
use crate::seal::{Sealer, place_of_event, place_of_record, place_of_sealed_fields};
use crate::transfer::Counters;
use crate::{StoreError, entities, value};
use ferric_model::event::TimelineEvent;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;

/// Findings that are told; more are counted.
const TOLD: usize = 1000;

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub records: u64,
    pub events: u64,
    /// Entries of indexes.
    pub entries: u64,
    pub findings: Vec<Finding>,
    /// How many there are, with those that are not told.
    pub found: u64,
}

/// Reads all of one moment.
///
/// # Errors
/// When the store cannot be read at all.
pub async fn check(store: &dyn Upkeep) -> Result<Report, StoreError> {
    let mut snapshot = store.snapshot(Scope::Indexes).await?;
    let mut check = Check {
        sealer: store.sealer(),
        counters: snapshot.counters(),
        report: Report::default(),
        expected: HashMap::new(),
        unique: HashMap::new(),
        last_event: 0,
    };
    loop {
        let items = snapshot.next().await?;
        if items.is_empty() {
            return Ok(check.end());
        }
        for item in items {
            check.item(snapshot.as_ref(), item);
        }
    }
}

struct Check<'s> {
    sealer: &'s Sealer,
    counters: Counters,
    report: Report,
    /// Entries that must come.
    expected: HashMap<IndexEntry, ()>,
    /// Who has a value that is to be one record's.
    unique: HashMap<(Table, String, Vec<u8>), String>,
    last_event: u64,
}

impl Check<'_> {
    fn item(&mut self, snapshot: &dyn Snapshot, item: Item) {
        match item {
            Item::Record(record) => self.record(snapshot, &record),
            Item::Event(event) => self.event(&event),
            Item::Entry(entry) => self.entry(&entry),
            Item::Problem(finding) => self.add(finding),
        }
    }

    fn find(&mut self, place: impl fmt::Display, problem: impl Into<String>) {
        self.add(Finding {
            place: place.to_string(),
            problem: problem.into(),
        });
    }

    fn add(&mut self, finding: Finding) {
        self.report.found += 1;
        if self.report.findings.len() < TOLD {
            self.report.findings.push(finding);
        }
    }

    fn record(&mut self, snapshot: &dyn Snapshot, record: &SealedRecord) {
        self.report.records += 1;
        let key = Key::new(record.table, &record.id);
        if record.revision > self.counters.revision || record.sequence > self.counters.sequence {
            self.find(
                &key,
                "its revision or sequence is higher than the last that was given",
            );
        }
        for (name, value) in &record.fields {
            let value_in_index = snapshot.indexed(value);
            let unique = entities::unique(record.table).contains(&name.as_str());
            if unique && *value != FieldValue::Null {
                let what = (record.table, name.clone(), value_in_index.clone());
                if let Some(other) = self.unique.insert(what, record.id.clone()) {
                    self.find(&key, format!("{name} is also that of {other}"));
                }
            }
            let entry = IndexEntry {
                table: record.table.number(),
                field: name.clone(),
                value: value_in_index,
                sequence: record.sequence,
            };
            self.expected.insert(entry, ());
        }
        if let Err(problem) = self.document(&key, record) {
            self.find(&key, problem);
        }
    }

    fn document(&self, key: &Key, record: &SealedRecord) -> Result<(), String> {
        let document = self.sealer.open(&place_of_record(key), &record.sealed);
        let document = document.map_err(|error| error.to_string())?;
        let fields = entities::fields_of(key, &document).map_err(|error| chain(&error))?;
        for (name, value) in &fields {
            let mut standing = record.fields.iter();
            if !standing.any(|(known, has)| known == name && has == value) {
                return Err(format!(
                    "{name} is not in the record as it is in the document"
                ));
            }
        }
        let epoch = entities::epoch_of(key, &document).map_err(|error| chain(&error))?;
        if epoch != record.epoch {
            return Err("its epoch is not that of the document".to_owned());
        }
        self.beside(key, record, &document)
    }

    fn beside(&self, key: &Key, record: &SealedRecord, document: &[u8]) -> Result<(), String> {
        let Beside::Kept(standing) = &record.beside else {
            return Ok(());
        };
        let fields = entities::sealed_fields_of(key, document).map_err(|error| chain(&error))?;
        let place = place_of_sealed_fields(record.table.number(), record.sequence);
        let standing = standing.as_ref();
        let standing = standing.map(|sealed| self.sealer.open(&place, sealed));
        let standing = standing.transpose().map_err(|error| error.to_string())?;
        if standing != value::encode_sealed(&fields) {
            return Err("its sealed fields are not those of the document".to_owned());
        }
        Ok(())
    }

    fn event(&mut self, event: &SealedEvent) {
        self.report.events += 1;
        let place = format!("event {}", event.sequence);
        if event.sequence <= self.last_event || event.sequence > self.counters.event {
            self.find(&place, "it is out of its order");
        }
        self.last_event = event.sequence;
        let clear = match self
            .sealer
            .open(&place_of_event(event.sequence), &event.sealed)
        {
            Ok(clear) => clear,
            Err(error) => return self.find(&place, error.to_string()),
        };
        match serde_json::from_slice::<TimelineEvent>(&clear) {
            Ok(clear) if Some(clear.node) != event.node => self.find(
                &place,
                format!("it is not on the timeline of {}", clear.node),
            ),
            Ok(clear) if clear.what.is_malformed() => {
                self.find(&place, "it has not what events of its kind have");
            }
            Ok(_) => {}
            Err(error) => self.find(&place, error.to_string()),
        }
    }

    fn entry(&mut self, entry: &IndexEntry) {
        self.report.entries += 1;
        if self.expected.remove(entry).is_none() {
            let place = format!("index {} of table {}", entry.field, entry.table);
            let problem = format!(
                "an entry for number {} is not what is there",
                entry.sequence
            );
            self.find(place, problem);
        }
    }

    fn end(mut self) -> Report {
        let mut missing: Vec<IndexEntry> = self.expected.drain().map(|(entry, ())| entry).collect();
        missing
            .sort_by(|a, b| (a.table, a.sequence, &a.field).cmp(&(b.table, b.sequence, &b.field)));
        for entry in missing {
            let place = format!("index {} of table {}", entry.field, entry.table);
            self.find(
                place,
                format!("the entry for number {} is missing", entry.sequence),
            );
        }
        self.report
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
