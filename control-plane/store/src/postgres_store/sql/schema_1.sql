-- Numbers of commits, records and events. Its one row is locked by whoever commits: so events are seen in their order.
CREATE TABLE IF NOT EXISTS ferric_counters (
    one smallint PRIMARY KEY,
    revision bigint NOT NULL,
    place bigint NOT NULL,
    event bigint NOT NULL
);
INSERT INTO ferric_counters (one, revision, place, event) VALUES (1, 0, 0, 0) ON CONFLICT (one) DO NOTHING;

-- What the store remembers of itself.
CREATE TABLE IF NOT EXISTS ferric_notes (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

-- Documents are sealed. An id is UTF-8; the fields are those of ferric_fields, with their names.
CREATE TABLE IF NOT EXISTS ferric_records (
    kind smallint NOT NULL,
    place bigint NOT NULL,
    id bytea NOT NULL,
    revision bigint NOT NULL,
    epoch bigint,
    layout smallint NOT NULL,
    fields bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (kind, place)
);
CREATE UNIQUE INDEX IF NOT EXISTS ferric_records_by_id ON ferric_records (kind, id);

-- The indexed fields of records. Values are bytes that sort as the values do, so that no collation has a say.
CREATE TABLE IF NOT EXISTS ferric_fields (
    kind smallint NOT NULL,
    field text NOT NULL,
    value bytea NOT NULL,
    place bigint NOT NULL,
    PRIMARY KEY (kind, field, value, place)
);

CREATE TABLE IF NOT EXISTS ferric_events (
    sequence bigint PRIMARY KEY,
    node uuid NOT NULL,
    event bytea NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS ferric_events_of_node ON ferric_events (node, sequence);
