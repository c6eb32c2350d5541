-- Lets applied files be read from an order on.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE INDEX IF NOT EXISTS ledger_files_order ON quarrel.ledger_files (table_name, target, file_order)
