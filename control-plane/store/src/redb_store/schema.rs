//! The tables of the file. No value is an `Option` or holds one: redb 5 lays those out differently.

use crate::record::Table;
use redb::TableDefinition;

/// Of the tables below. A release that needs others converts them at open.
pub(super) const VERSION: u64 = 1;

/// (table, sequence) -> record. In the order of creation.
pub(super) const RECORDS: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("records");
/// (table, id) -> sequence.
pub(super) const IDS: TableDefinition<'_, (u8, &str), u64> = TableDefinition::new("ids");
/// Table, field, value and sequence in one key, see `index`.
pub(super) const INDEX: TableDefinition<'_, &[u8], ()> = TableDefinition::new("index");
/// (table, sequence) -> what lists can be sorted by and stands in clear nowhere, sealed. Only where there is any.
pub(super) const SEALED_FIELDS: TableDefinition<'_, (u8, u64), &[u8]> =
    TableDefinition::new("sealed fields");
/// Sequence -> sealed event.
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
/// (node, sequence of an event of it).
pub(super) const NODE_EVENTS: TableDefinition<'_, (u128, u64), ()> =
    TableDefinition::new("node_events");
/// Counters and the version of the schema.
pub(super) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// What else the store remembers of itself.
pub(super) const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

pub(super) const NUMBER_SCHEMA: &str = "schema";
pub(super) const NUMBER_REVISION: &str = "revision";
pub(super) const NUMBER_SEQUENCE: &str = "sequence";
pub(super) const NUMBER_EVENT: &str = "event";
/// Sealed at creation: opens with the right key and with no other.
pub(super) const NOTE_KEY_CHECK: &str = "key check";
/// The indexed and sealed fields of all tables; when this release has others, indexes are made anew.
pub(super) const NOTE_FIELDS: &str = "indexed fields";

/// The number of a table in keys.
pub(super) const fn number(table: Table) -> u8 {
    table.number()
}
