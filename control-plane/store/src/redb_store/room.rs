//! Gives back to the file system what redb keeps of deleted records and events: it uses that room again, and its file stays
//! as large as it ever was. Pages are moved while nobody reads or writes, so it is done only where it is worth that.

use super::engine::Engine;
use super::error::failed;
use super::schema::{EVENTS, IDS, INDEX, NODE_EVENTS, RECORDS, SEALED_FIELDS};
use super::shared::{LongRead, Shared};
use crate::StoreError;
use redb::{
    Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    Value,
};
use std::fs;

const MEASURING: &str = "looking how much of the file is in use";
const MOVING: &str = "making the file smaller";
const REPACKING: &str = "writing the events closer together";
/// A file of this size is small enough.
const SMALL_BYTES: u64 = 8 << 20;
/// Empty room in a file that was made smaller; redb takes a power of two.
const LEAST_ROOM: u64 = 1 << 20;
const MOST_ROOM: u64 = 16 << 20;
/// Stands in the file while it is made smaller.
const PLACEHOLDER: TableDefinition<'_, (), &[u8]> = TableDefinition::new("placeholder");

impl Shared {
    /// Answers how many bytes the file has become smaller.
    pub(super) fn give_back(&self) -> Result<u64, StoreError> {
        let before = file_bytes(&self.place);
        if before < SMALL_BYTES || !self.take_deleted() {
            return Ok(0);
        }
        let compacted = self.compact_if_worth(before);
        // A backup is being made, say, or the disk is full.
        if !matches!(compacted, Ok(Some(()))) {
            self.note_deleted();
        }
        compacted?;
        Ok(before.saturating_sub(file_bytes(&self.place)))
    }

    /// `None`: it is worth it and cannot be done now.
    fn compact_if_worth(&self, bytes: u64) -> Result<Option<()>, StoreError> {
        // What is trimmed stood between what stays: pages are left that are hardly half full, and moving them helps little.
        if self.measured(|read| is_sparse(read, EVENTS))? {
            self.once(|engine| engine.repack(EVENTS))?;
        }
        if self.measured(|read| is_sparse(read, NODE_EVENTS))? {
            self.once(|engine| engine.repack(NODE_EVENTS))?;
        }
        let in_use = self.bytes_in_use()?;
        if bytes <= enough(in_use) {
            return Ok(Some(()));
        }
        self.alone(|engine| engine.compact_with_room(room(in_use)))
    }

    /// Of all pages that hold something, as large as they are.
    fn bytes_in_use(&self) -> Result<u64, StoreError> {
        let all = [
            self.measured(|read| pages(read, RECORDS))?,
            self.measured(|read| pages(read, IDS))?,
            self.measured(|read| pages(read, INDEX))?,
            self.measured(|read| pages(read, SEALED_FIELDS))?,
            self.measured(|read| pages(read, EVENTS))?,
            self.measured(|read| pages(read, NODE_EVENTS))?,
        ];
        Ok(all.iter().map(|pages| pages.bytes).sum())
    }

    /// One table after the other, so that an opening of the database waits for no more than one.
    fn measured<T>(
        &self,
        measure: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let read: LongRead =
            self.long_read(|engine| engine.database.begin_read().map_err(failed(MEASURING)))?;
        match &*read.lock() {
            Some(read) => measure(read),
            None => Err(StoreError::Away {
                doing: MEASURING,
                source: "the store had to be opened again meanwhile".into(),
            }),
        }
    }
}

/// 0 where there is no file.
fn file_bytes(place: &str) -> u64 {
    fs::metadata(place).map_or(0, |metadata| metadata.len())
}

/// Of one table.
struct Pages {
    bytes: u64,
    /// Of what was put into them.
    stored: u64,
}

/// What the file may have for so many bytes in use: a quarter as much again, for what the next commits need.
const fn enough(in_use: u64) -> u64 {
    in_use + in_use / 4
}

/// For what is written until there is more to give back.
fn room(in_use: u64) -> usize {
    let room = (in_use / 16)
        .clamp(LEAST_ROOM, MOST_ROOM)
        .next_power_of_two();
    usize::try_from(room).unwrap_or(usize::MAX)
}

fn pages<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<Pages, StoreError> {
    let table = read.open_table(table).map_err(failed(MEASURING))?;
    let stats = table.stats().map_err(failed(MEASURING))?;
    let stored = stats.stored_bytes();
    Ok(Pages {
        bytes: stored + stats.metadata_bytes() + stats.fragmented_bytes(),
        stored,
    })
}

/// Whether a table has many pages that are less than three quarters full.
fn is_sparse<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<bool, StoreError> {
    let pages = pages(read, table)?;
    Ok(pages.bytes > SMALL_BYTES / 4 && pages.stored < pages.bytes / 4 * 3)
}

impl Engine {
    /// Writes a table anew, in its order, which fills its pages. Writers wait meanwhile, readers do not.
    fn repack<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<(), StoreError> {
        let anew: TableDefinition<'_, K, V> = TableDefinition::new("written anew");
        let mut write = self.database.begin_write().map_err(failed(REPACKING))?;
        write.set_quick_repair(true);
        {
            let old = write.open_table(table).map_err(failed(REPACKING))?;
            let mut new = write.open_table(anew).map_err(failed(REPACKING))?;
            for entry in old.iter().map_err(failed(REPACKING))? {
                let (key, value) = entry.map_err(failed(REPACKING))?;
                let written = new.insert(key.value(), value.value());
                written.map_err(failed(REPACKING))?;
            }
        }
        write.delete_table(table).map_err(failed(REPACKING))?;
        write.rename_table(anew, table).map_err(failed(REPACKING))?;
        write.commit().map_err(failed(REPACKING))
    }

    /// Moves what is in use to the front of the file and cuts off the rest.
    pub(super) fn compact(&mut self) -> Result<(), StoreError> {
        // It is there if a process has died while it made room.
        self.drop_placeholder()?;
        self.move_to_front()?;
        self.list_free_pages()
    }

    /// As `compact`, with so much empty room in the file. Without any, the next commit would make it twice as large: redb
    /// doubles a file that has no free page left.
    fn compact_with_room(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.move_to_front()?;
        let write = self.database.begin_write().map_err(failed(MOVING))?;
        {
            let mut table = write.open_table(PLACEHOLDER).map_err(failed(MOVING))?;
            let reserved = table.insert_reserve((), bytes).map_err(failed(MOVING))?;
            drop(reserved);
        }
        write.commit().map_err(failed(MOVING))?;
        // It is one page that fits nowhere further to the front, so that it is the last one of the file now.
        self.move_to_front()?;
        self.drop_placeholder()?;
        // Its page is free from the commit after this one on.
        let write = self.database.begin_write().map_err(failed(MOVING))?;
        write.commit().map_err(failed(MOVING))?;
        self.list_free_pages()
    }

    fn drop_placeholder(&self) -> Result<(), StoreError> {
        let write = self.database.begin_write().map_err(failed(MOVING))?;
        write.delete_table(PLACEHOLDER).map_err(failed(MOVING))?;
        write.commit().map_err(failed(MOVING))
    }

    fn move_to_front(&mut self) -> Result<(), StoreError> {
        while self.database.compact().map_err(failed(MOVING))? {}
        Ok(())
    }

    /// redb leaves a compacted file without the list of free pages by which it is opened fast after a crash.
    fn list_free_pages(&self) -> Result<(), StoreError> {
        let mut write = self.database.begin_write().map_err(failed(MOVING))?;
        write.set_quick_repair(true);
        write.commit().map_err(failed(MOVING))
    }
}
