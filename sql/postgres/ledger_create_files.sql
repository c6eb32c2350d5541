-- Makes the ledger's table of applied files. A file that is overwritten or applied again replaces its entry.
-- Engine:  Postgres.
-- Order:   file_order and the sequences sort byte by byte.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_files (
    table_name text NOT NULL,
    target text NOT NULL,
    file_key text NOT NULL,
    etag text,
    size bigint NOT NULL,
    file_order text COLLATE "C" NOT NULL,
    sequence_first text COLLATE "C",
    sequence_last text COLLATE "C",
    rows bigint NOT NULL,
    batch_id text NOT NULL,
    PRIMARY KEY (table_name, target, file_key)
)
