-- Makes the demo's table of customers. It has no column `segment`: the change files bring that one later.
-- Engine:  SQLite.
-- Tests:   tests/cli.rs
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT,
    email TEXT,
    balance TEXT,
    active BOOLEAN,
    updated_at TEXT
)
