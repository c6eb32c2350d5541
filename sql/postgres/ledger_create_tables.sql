-- Makes the ledger's table of tables: who owns each, and how far it has come.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_tables (
    table_name text NOT NULL,
    target text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    watermark_file text COLLATE "C",
    watermark_sequence text COLLATE "C",
    last_batch text,
    schema_json text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, target)
)
