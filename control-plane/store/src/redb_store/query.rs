//! Reads by key and by indexed field, on a snapshot: a commit that comes meanwhile changes nothing of it.
//!
//! Only the records of the page itself are opened; `find` says which these are.

use super::engine::Engine;
use super::error::{failed, unreadable};
use super::schema::{IDS, INDEX, RECORDS, SEALED_FIELDS, number};
use super::{envelope, envelope::Head};
use crate::StoreError;
use crate::entities::unique;
use crate::record::{FieldValue, Key, Outline, Record, Table};
use crate::rows::{Rows, WriteRow};
use crate::transaction::{Page, Query};
use redb::{ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable};
use std::ops::Deref;

pub(super) const DOING: &str = "reading records";

/// Sequences of records, one after the other.
pub(super) type Walk<'s> = Box<dyn Iterator<Item = Result<u64, StoreError>> + 's>;

/// Where a page begins: behind this record.
pub(super) struct Marker {
    pub(super) sequence: u64,
    pub(super) head: Head,
}

/// The records of one moment.
pub(super) struct Standing {
    pub(super) records: ReadOnlyTable<(u8, u64), &'static [u8]>,
    ids: ReadOnlyTable<(u8, &'static str), u64>,
}

/// The same with what leads to them: each table that is opened is looked up.
pub(super) struct Snapshot {
    standing: Standing,
    pub(super) index: ReadOnlyTable<&'static [u8], ()>,
    read: ReadTransaction,
}

impl Deref for Snapshot {
    type Target = Standing;

    fn deref(&self) -> &Standing {
        &self.standing
    }
}

impl Engine {
    /// With these fields; with all of them where none are named.
    pub(super) fn get(
        &self,
        key: &Key,
        wanted: Option<&[&str]>,
    ) -> Result<Option<Record>, StoreError> {
        let standing = self.standing()?;
        let places = key.table.places(wanted)?;
        match standing.sequence(key)? {
            Some(sequence) => self.record(&standing, (key.table, sequence), &places),
            None => Ok(None),
        }
    }

    pub(super) fn outline(
        &self,
        key: &Key,
        wanted: &[&str],
    ) -> Result<Option<Outline>, StoreError> {
        let standing = self.standing()?;
        let places = key.table.places(Some(wanted))?;
        let Some(sequence) = standing.sequence(key)? else {
            return Ok(None);
        };
        let bytes = standing.bytes(key.table, sequence)?;
        let outline =
            bytes.map(|bytes| envelope::outline((key.table, sequence), &places, bytes.value()));
        outline.transpose().map_err(unreadable)
    }

    pub(super) fn get_each(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        let standing = self.standing()?;
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(sequence) = standing.sequence(key)? {
                let places = key.table.places(None)?;
                records.extend(self.record(&standing, (key.table, sequence), &places)?);
            }
        }
        Ok(records)
    }

    pub(super) fn page(&self, query: &Query) -> Result<Page, StoreError> {
        let snapshot = self.snapshot()?;
        let places = query.table.places(None)?;
        let mut page = Page::default();
        for sequence in snapshot.find(query, &self.sealer)? {
            let record = self.record(&snapshot, (query.table, sequence), &places)?;
            page.records.extend(record);
        }
        Ok(page)
    }

    pub(super) fn outlines(&self, query: &Query) -> Result<Vec<Outline>, StoreError> {
        let snapshot = self.snapshot()?;
        let places = query.wanted_places()?;
        let found = snapshot.find(query, &self.sealer)?;
        let mut outlines = Vec::with_capacity(found.len());
        for sequence in found {
            if let Some(bytes) = snapshot.bytes(query.table, sequence)? {
                let outline = envelope::outline((query.table, sequence), &places, bytes.value());
                outlines.push(outline.map_err(unreadable)?);
            }
        }
        Ok(outlines)
    }

    pub(super) fn rows(
        &self,
        query: &Query,
        writer: &dyn WriteRow,
        text: &[u8],
    ) -> Result<Rows, StoreError> {
        let snapshot = self.snapshot()?;
        let (table, places) = (query.table, query.wanted_places()?);
        let mut rows = Rows::after(text);
        let mut push = |bytes: &[u8]| {
            let pushed = envelope::row(table, &places, bytes, |id, values| {
                rows.push(query.limit, id, |text| writer.write(id, values, text));
            });
            pushed.map_err(unreadable)
        };
        if query.is_plain() {
            // They are found where they lie, and need not be looked for once more.
            for entry in snapshot.all(query)?.take(query.limit) {
                let (_, bytes) = entry.map_err(failed(DOING))?;
                push(bytes.value())?;
            }
            return Ok(rows);
        }
        for sequence in snapshot.find(query, &self.sealer)? {
            if let Some(bytes) = snapshot.bytes(table, sequence)? {
                push(bytes.value())?;
            }
        }
        Ok(rows)
    }

    fn standing(&self) -> Result<Standing, StoreError> {
        let read = self.database.begin_read().map_err(failed(DOING))?;
        Standing::of(&read)
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let read = self.database.begin_read().map_err(failed(DOING))?;
        Ok(Snapshot {
            standing: Standing::of(&read)?,
            index: read.open_table(INDEX).map_err(failed(DOING))?,
            read,
        })
    }

    fn record(
        &self,
        standing: &Standing,
        (table, sequence): (Table, u64),
        places: &[usize],
    ) -> Result<Option<Record>, StoreError> {
        let Some(bytes) = standing.bytes(table, sequence)? else {
            return Ok(None);
        };
        envelope::decode((table, sequence), places, bytes.value(), &self.sealer)
            .map(Some)
            .map_err(unreadable)
    }
}

impl Standing {
    fn of(read: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            records: read.open_table(RECORDS).map_err(failed(DOING))?,
            ids: read.open_table(IDS).map_err(failed(DOING))?,
        })
    }

    fn sequence(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        let id = (number(key.table), key.id.as_str());
        let sequence = ReadableTable::get(&self.ids, id).map_err(failed(DOING))?;
        Ok(sequence.map(|sequence| sequence.value()))
    }

    pub(super) fn bytes(
        &self,
        table: Table,
        sequence: u64,
    ) -> Result<Option<redb::AccessGuard<'_, &'static [u8]>>, StoreError> {
        ReadableTable::get(&self.records, (number(table), sequence)).map_err(failed(DOING))
    }
}

impl Snapshot {
    /// Few queries ask for it, and each table that is opened is looked up.
    pub(super) fn sealed_fields(
        &self,
    ) -> Result<ReadOnlyTable<(u8, u64), &'static [u8]>, StoreError> {
        self.read.open_table(SEALED_FIELDS).map_err(failed(DOING))
    }

    pub(super) fn marker(&self, query: &Query) -> Result<Option<Marker>, StoreError> {
        let Some(id) = &query.marker else {
            return Ok(None);
        };
        let unknown = || StoreError::NoSuchMarker(id.clone());
        let key = Key::new(query.table, id);
        let sequence = self.sequence(&key)?.ok_or_else(unknown)?;
        let bytes = self.bytes(query.table, sequence)?.ok_or_else(unknown)?;
        let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
        Ok(Some(Marker { sequence, head }))
    }
}

/// Whether no more than so many records can be found or passed by: those of some values that belong to one record each.
pub(super) fn looks_at_few(query: &Query, few: usize) -> bool {
    let [filter] = query.filters.as_slice() else {
        return false;
    };
    let unique = unique(query.table);
    let is_unique = |field: &String| unique.contains(&field.as_str());
    let names_few = filter.values.len() <= few && !filter.values.contains(&FieldValue::Null);
    filter.fields.iter().all(is_unique)
        && names_few
        && query.sort.is_none()
        && query.marker.is_none()
}
