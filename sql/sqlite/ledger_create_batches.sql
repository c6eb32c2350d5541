-- Makes the ledger's table of applied batches.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS main.quarrel_ledger_batches (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    upserts INTEGER NOT NULL,
    deletes INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    files INTEGER NOT NULL,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (table_name, target, batch_id)
) WITHOUT ROWID
