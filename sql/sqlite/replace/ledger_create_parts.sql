-- Makes the table of the parts that unfinished full loads have committed.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS main.quarrel_full_load_parts (
    target TEXT NOT NULL,
    load_id TEXT NOT NULL,
    part TEXT NOT NULL,
    rows INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    loaded_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (target, load_id, part)
) WITHOUT ROWID
