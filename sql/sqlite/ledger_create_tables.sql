-- Makes the ledger's table of tables: who owns each, and how far it has come.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS main.quarrel_ledger_tables (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    watermark_file TEXT,
    watermark_sequence TEXT,
    last_batch TEXT,
    schema_json TEXT,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (table_name, target)
) WITHOUT ROWID
