//! Every statement that is sent to a database. Only what PostgreSQL, CockroachDB and YugabyteDB have in common:
//! `portable` checks it against a list, and docs/decisions says what the list is made of.
//!
//! No statement holds a value: values are parameters.

mod list;
#[cfg(test)]
mod portable;

pub(super) use list::{Columns, List, Walk};

/// For each new connection. A conductor that stops in the middle of a commit holds up the others no longer than this.
pub(super) const SESSION: &str =
    "SET statement_timeout = '8s'; SET idle_in_transaction_session_timeout = '5s'";

pub(super) const SCHEMA_1: &str = include_str!("schema_1.sql");
/// `sealing` names the key that documents are to be sealed by: whoever commits reads it with the lock, so that nothing is
/// sealed by the old key any more once it has changed.
pub(super) const SCHEMA_2: &str =
    "ALTER TABLE ferric_counters ADD COLUMN IF NOT EXISTS sealing bigint";
pub(super) const CREATE_SCHEMA_TABLE: &str = "CREATE TABLE IF NOT EXISTS ferric_schema \
     (one smallint PRIMARY KEY, version bigint NOT NULL, least bigint NOT NULL)";
pub(super) const SCHEMA: &str = "SELECT version, least FROM ferric_schema WHERE one = 1";
pub(super) const LOCK_SCHEMA: &str =
    "SELECT version, least FROM ferric_schema WHERE one = 1 FOR UPDATE";
pub(super) const WRITE_SCHEMA: &str = "INSERT INTO ferric_schema (one, version, least) \
     VALUES (1, $1, $2) ON CONFLICT (one) DO UPDATE SET version = EXCLUDED.version, least = EXCLUDED.least";

pub(super) const BEGIN: &str = "BEGIN";
/// Reads one moment, whatever is committed meanwhile. What reads it pauses while what it has read is carried away.
pub(super) const BEGIN_SNAPSHOT: &str = "SET idle_in_transaction_session_timeout = '60s'; \
     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

pub(super) const NOTE: &str = "SELECT value FROM ferric_notes WHERE name = $1";
pub(super) const WRITE_NOTE: &str = "INSERT INTO ferric_notes (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value";
pub(super) const WRITE_FIRST_NOTE: &str =
    "INSERT INTO ferric_notes (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
pub(super) const REMOVE_NOTE: &str = "DELETE FROM ferric_notes WHERE name = $1";

pub(super) const COUNTERS: &str =
    "SELECT revision, place, event FROM ferric_counters WHERE one = 1";
pub(super) const LOCK_COUNTERS: &str =
    "SELECT revision, place, event, sealing FROM ferric_counters WHERE one = 1 FOR UPDATE";
pub(super) const SEALING: &str = "SELECT sealing FROM ferric_counters WHERE one = 1";
pub(super) const WRITE_SEALING: &str = "UPDATE ferric_counters SET sealing = $1 WHERE one = 1";
pub(super) const WRITE_COUNTERS: &str =
    "UPDATE ferric_counters SET revision = $1, place = $2, event = $3 WHERE one = 1";

pub(super) const HEADS: &str = "SELECT id, place, revision, epoch, fields FROM ferric_records \
     WHERE kind = $1 AND id = ANY($2)";
pub(super) const HOLDERS: &str = "SELECT r.id FROM ferric_fields AS f \
     JOIN ferric_records AS r ON r.kind = f.kind AND r.place = f.place \
     WHERE f.kind = $1 AND f.field = $2 AND f.value = $3";
pub(super) const RECORD: &str = "SELECT place, id, revision, fields, layout, document \
     FROM ferric_records WHERE kind = $1 AND id = $2";
pub(super) const RECORDS: &str = "SELECT place, id, revision, fields, layout, document \
     FROM ferric_records WHERE kind = $1 AND id = ANY($2)";
pub(super) const MARKER: &str =
    "SELECT place, fields FROM ferric_records WHERE kind = $1 AND id = $2";

pub(super) const INSERT_RECORD: &str = "INSERT INTO ferric_records \
     (kind, place, id, revision, epoch, layout, fields, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const UPDATE_RECORD: &str = "UPDATE ferric_records \
     SET revision = $3, epoch = $4, layout = $5, fields = $6, document = $7 WHERE kind = $1 AND place = $2";
pub(super) const UPDATE_FIELDS: &str =
    "UPDATE ferric_records SET fields = $3 WHERE kind = $1 AND place = $2";
pub(super) const UPDATE_DOCUMENT: &str =
    "UPDATE ferric_records SET document = $3 WHERE kind = $1 AND place = $2";
pub(super) const DELETE_RECORD: &str = "DELETE FROM ferric_records WHERE kind = $1 AND place = $2";
pub(super) const INSERT_FIELDS: &str = "INSERT INTO ferric_fields (kind, field, value, place) \
     SELECT $1::smallint, u.field, u.value, $2::bigint FROM unnest($3::text[], $4::bytea[]) AS u (field, value)";
/// One entry, by its whole key: a statement for many would leave it to statistics how they are found.
pub(super) const DELETE_FIELD: &str =
    "DELETE FROM ferric_fields WHERE kind = $1 AND field = $2 AND value = $3 AND place = $4";
/// A few hundred records with their documents, for work on all of them.
pub(super) const RECORDS_BEHIND: &str = "SELECT place, id, revision, epoch, fields, document FROM ferric_records \
     WHERE kind = $1 AND place > $2 ORDER BY place LIMIT $3";

/// How many entries each field of a kind has in the index and, under no name, how many records there are.
pub(super) const COUNT_FIELDS: &str = "SELECT field, count(*) AS entries FROM ferric_fields \
     WHERE kind = $1 GROUP BY field \
     UNION ALL SELECT '', count(*) FROM ferric_records WHERE kind = $1";
/// Which fields records have, for a look at all of them.
pub(super) const FIELDS_OF_RECORDS: &str = "SELECT place, fields FROM ferric_records \
     WHERE kind = $1 AND place > $2 ORDER BY place LIMIT $3";
pub(super) const RECORDS_AT: &str = "SELECT place, id, fields, document FROM ferric_records \
     WHERE kind = $1 AND place = ANY($2)";

pub(super) const INSERT_EVENTS: &str = "INSERT INTO ferric_events (sequence, node, event) \
     SELECT u.sequence, u.node, u.event \
     FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS u (sequence, node, event)";
pub(super) const FORGET_EVENTS: &str =
    "DELETE FROM ferric_events WHERE node = $1 AND sequence <= $2";
pub(super) const EVENTS: &str =
    "SELECT sequence, event FROM ferric_events WHERE sequence > $1 ORDER BY sequence LIMIT $2";
pub(super) const EVENTS_OF_NODE: &str = "SELECT sequence, event FROM ferric_events \
     WHERE sequence > $1 AND node = $3 ORDER BY sequence LIMIT $2";

pub(super) const EVENTS_BEHIND: &str = "SELECT sequence, node, event FROM ferric_events \
     WHERE sequence > $1 ORDER BY sequence LIMIT $2";
pub(super) const UPDATE_EVENT: &str = "UPDATE ferric_events SET event = $2 WHERE sequence = $1";
/// All entries of indexes, in the order of their keys.
pub(super) const FIELDS_BEHIND: &str = "SELECT kind, field, value, place FROM ferric_fields \
     WHERE (kind, field, value, place) > ($1, $2, $3, $4) \
     ORDER BY kind, field, value, place LIMIT $5";

/// Microseconds since 1970.
pub(super) const CLOCK: &str =
    "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)";
