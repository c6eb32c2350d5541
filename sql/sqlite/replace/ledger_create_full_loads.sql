-- Makes the ledger's table of full loads: where the last one of each table starts. Files before its floor are contained in it.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS main.quarrel_ledger_full_loads (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    load_id TEXT NOT NULL,
    floor TEXT NOT NULL,
    loaded_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (table_name, target)
) WITHOUT ROWID
