-- Makes the ledger's table of applied files. A file that is overwritten or applied again replaces its entry.
-- Engine:  SQLite.
-- Order:   file_order and the sequences sort byte by byte, as SQLite's texts do.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS main.quarrel_ledger_files (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    file_key TEXT NOT NULL,
    etag TEXT,
    size INTEGER NOT NULL,
    file_order TEXT NOT NULL,
    sequence_first TEXT,
    sequence_last TEXT,
    rows INTEGER NOT NULL,
    batch_id TEXT NOT NULL,
    PRIMARY KEY (table_name, target, file_key)
) WITHOUT ROWID
