//! Opening: the file and its key, the version of the schema, and indexes that fit this release.

use super::engine::Engine;
use super::error::failed;
use super::reindex;
use super::schema::{
    EVENTS, IDS, INDEX, NODE_EVENTS, NOTE_FIELDS, NOTE_KEY_CHECK, NOTES, NUMBER_SCHEMA, NUMBERS,
    RECORDS, SEALED_FIELDS, VERSION,
};
use super::shared::Opener;
use super::upgrade::{self, CONVERSIONS, Conversion};
use crate::StoreError;
use crate::key_file::{self, file_error};
use crate::open_error::OpenError;
use crate::record::Table;
use crate::seal::{KEY_BYTES, KEY_CHECK, Sealer};
use crate::transfer::UNFINISHED_COPY;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, TableError};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// redb's default is a gigabyte.
const CACHE_BYTES: usize = 48 << 20;

/// Opens or makes the database at `path`, with the key in the file `key`.
pub(super) fn open(
    path: &Path,
    key: &Path,
    conversions: &[Conversion],
) -> Result<Engine, StoreError> {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) {
        create(path, key)?;
    }
    let database = open_database(path)?;
    let missing = || OpenError::KeyMissing {
        store: path.display().to_string(),
        key: key.to_owned(),
    };
    let keys = key_file::read(key)?.ok_or_else(missing)?;
    let sealer = Arc::new(Sealer::from_file(&keys, key));
    let engine = Engine::new(database, sealer, path);
    prepare(&engine, path, key, conversions)?;
    Ok(engine)
}

/// For a database that was open in this process until its disk failed.
pub(super) fn opener(engine: &Engine, path: &Path) -> Opener {
    let (path, sealer) = (PathBuf::from(path), Arc::clone(&engine.sealer));
    Box::new(move || {
        let database = builder()
            .open(&path)
            .map_err(|error| database_error(&path, error))?;
        Ok(Engine::new(database, Arc::clone(&sealer), &path))
    })
}

/// The key is on the disk before the database, and the database is whole before it has its name: a file that the power
/// failed on while redb made it would be no database at the next start.
fn create(path: &Path, key: &Path) -> Result<(), StoreError> {
    let keys = match key_file::read(key)? {
        Some(keys) => keys,
        None => key_file::create(key)?,
    };
    key_file::sync_directory(key)?;
    let draft = path.with_extension(format!("new-{}", Uuid::new_v4()));
    let sealer = Arc::new(Sealer::from_file(&keys, key));
    let engine = Engine::new(open_database(&draft)?, sealer, path);
    prepare(&engine, &draft, key, CONVERSIONS)?;
    drop(engine);
    key_file::name_draft(&draft, path)?;
    Ok(())
}

/// For tests: a database over any backend, with a key given.
pub(super) fn open_backend(
    backend: impl StorageBackend,
    secret: &[u8; KEY_BYTES],
) -> Result<Engine, StoreError> {
    let place = Path::new("(memory)");
    let database = builder()
        .create_with_backend(backend)
        .map_err(|error| database_error(place, error))?;
    let engine = Engine::new(database, Arc::new(Sealer::new(secret)), place);
    prepare(&engine, place, place, CONVERSIONS)?;
    Ok(engine)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// The mode is set before redb writes a byte, and again for a file that somebody copied here.
fn open_database(path: &Path) -> Result<Database, OpenError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o600)))
        .map_err(|error| file_error("opening", path, error))?;
    builder()
        .create(path)
        .map_err(|error| database_error(path, error))
}

fn database_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path },
        other => OpenError::Database {
            path,
            source: Box::new(other.into()),
        },
    }
}

/// As redb leaves a file that it has just made.
fn is_empty(database: &Database) -> Result<bool, StoreError> {
    let read = database.begin_read().map_err(failed("beginning to read"))?;
    let mut tables = read.list_tables().map_err(failed("listing the tables"))?;
    Ok(tables.next().is_none())
}

/// Makes the tables of a new database, and checks those of an older one.
fn prepare(
    engine: &Engine,
    path: &Path,
    key: &Path,
    conversions: &[Conversion],
) -> Result<(), StoreError> {
    if is_empty(&engine.database)? {
        create_tables(engine)?;
        return upgrade::bring_up(engine, conversions);
    }
    check_version(engine, path, upgrade::known(conversions))?;
    check_key(engine, path, key)?;
    check_copy(engine)?;
    upgrade::bring_up(engine, conversions)?;
    reindex::when_fields_changed(engine, &indexed_fields())
}

fn create_tables(engine: &Engine) -> Result<(), StoreError> {
    let doing = "making the tables";
    let write = engine.database.begin_write().map_err(failed(doing))?;
    write.open_table(RECORDS).map_err(failed(doing))?;
    write.open_table(IDS).map_err(failed(doing))?;
    write.open_table(INDEX).map_err(failed(doing))?;
    write.open_table(SEALED_FIELDS).map_err(failed(doing))?;
    write.open_table(EVENTS).map_err(failed(doing))?;
    write.open_table(NODE_EVENTS).map_err(failed(doing))?;
    {
        let mut numbers = write.open_table(NUMBERS).map_err(failed(doing))?;
        numbers
            .insert(NUMBER_SCHEMA, VERSION)
            .map_err(failed(doing))?;
        let check = engine.sealer.seal(KEY_CHECK, KEY_CHECK);
        let check = check.map_err(super::error::unsealed)?;
        let mut notes = write.open_table(NOTES).map_err(failed(doing))?;
        notes
            .insert(NOTE_KEY_CHECK, check.as_slice())
            .map_err(failed(doing))?;
        notes
            .insert(NOTE_FIELDS, indexed_fields().as_bytes())
            .map_err(failed(doing))?;
    }
    write.commit().map_err(failed(doing))
}

fn check_version(engine: &Engine, path: &Path, known: u64) -> Result<(), StoreError> {
    let doing = "reading the version of the schema";
    let read = engine.database.begin_read().map_err(failed(doing))?;
    let foreign = || OpenError::Foreign {
        path: path.to_owned(),
    };
    let numbers = match read.open_table(NUMBERS) {
        Ok(numbers) => numbers,
        Err(TableError::Storage(error)) => return Err(failed(doing)(error)),
        Err(_) => return Err(foreign().into()),
    };
    let found = redb::ReadableTable::get(&numbers, NUMBER_SCHEMA).map_err(failed(doing))?;
    let found = found.ok_or_else(foreign)?.value();
    if found > known {
        return Err(OpenError::Newer {
            store: path.display().to_string(),
            found,
            known,
        }
        .into());
    }
    Ok(())
}

fn check_key(engine: &Engine, path: &Path, key: &Path) -> Result<(), StoreError> {
    let doing = "checking the key";
    let read = engine.database.begin_read().map_err(failed(doing))?;
    let notes = read.open_table(NOTES).map_err(failed(doing))?;
    let check = redb::ReadableTable::get(&notes, NOTE_KEY_CHECK).map_err(failed(doing))?;
    let opens = check.is_some_and(|check| engine.sealer.open(KEY_CHECK, check.value()).is_ok());
    if opens {
        return Ok(());
    }
    Err(OpenError::KeyWrong {
        store: path.display().to_string(),
        key: key.to_owned(),
    }
    .into())
}

/// What a copy was not finished into is a part of a store only.
fn check_copy(engine: &Engine) -> Result<(), StoreError> {
    let doing = "looking for an unfinished copy";
    let read = engine.database.begin_read().map_err(failed(doing))?;
    let notes = read.open_table(NOTES).map_err(failed(doing))?;
    let note = redb::ReadableTable::get(&notes, UNFINISHED_COPY).map_err(failed(doing))?;
    if note.is_none() {
        return Ok(());
    }
    let store = engine.place.clone();
    Err(OpenError::HalfCopied { store }.into())
}

/// The names and places of all indexed and sealed fields, as text to compare.
fn indexed_fields() -> String {
    let mut text = String::new();
    let mut line = |table: &Table, kind: &str, fields: &[&str]| {
        writeln!(text, "{table:?}{kind} {}", fields.join(","))
            .expect("a string takes all that is written");
    };
    for table in Table::ALL {
        line(table, "", table.fields());
        if !table.sealed_fields().is_empty() {
            line(table, " sealed", table.sealed_fields());
        }
    }
    text
}
