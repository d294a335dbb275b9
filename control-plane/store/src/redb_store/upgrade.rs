//! From the schema of an older release to that of this one, all of it in one transaction: a crash leaves the old one.

use super::engine::Engine;
use super::error::failed;
use super::schema::{NUMBER_SCHEMA, NUMBERS, VERSION};
use crate::StoreError;
use redb::{ReadableTable, WriteTransaction};

const DOING: &str = "bringing the schema up";

/// One version of the schema and how to get there from the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    pub version: u64,
    pub convert: fn(&WriteTransaction) -> Result<(), redb::Error>,
}

/// All of them, oldest first. The first version needs none.
pub(super) const CONVERSIONS: &[Conversion] = &[Conversion {
    version: 2,
    convert: nothing,
}];

/// Documents are sealed with a head from here on. Those without one are read as they are, and are written anew with
/// their next change; a release that knows no heads must keep away.
fn nothing(_write: &WriteTransaction) -> Result<(), redb::Error> {
    Ok(())
}

/// The version that these lead to.
pub(super) fn known(conversions: &[Conversion]) -> u64 {
    conversions.last().map_or(VERSION, |last| last.version)
}

pub(super) fn bring_up(engine: &Engine, conversions: &[Conversion]) -> Result<(), StoreError> {
    let Some(last) = conversions.last() else {
        return Ok(());
    };
    let write = engine.database.begin_write().map_err(failed(DOING))?;
    {
        let mut numbers = write.open_table(NUMBERS).map_err(failed(DOING))?;
        let found = numbers.get(NUMBER_SCHEMA).map_err(failed(DOING))?;
        let found = found.map_or(0, |found| found.value());
        if found >= last.version {
            drop(numbers);
            return write.abort().map_err(failed(DOING));
        }
        for conversion in conversions {
            if conversion.version > found {
                tracing::info!(version = conversion.version, "bringing the schema up");
                (conversion.convert)(&write).map_err(failed(DOING))?;
            }
        }
        let written = numbers.insert(NUMBER_SCHEMA, last.version);
        written.map_err(failed(DOING))?;
    }
    write.commit().map_err(failed(DOING))
}
