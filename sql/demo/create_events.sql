-- Makes the demo's table of events: a key of text, a JSON document, a decimal, an instant and a flag.
-- Engine:  SQLite.
-- Tests:   tests/cli.rs
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    kind TEXT,
    payload TEXT,
    amount TEXT,
    happened_at TEXT,
    handled BOOLEAN
)
