-- Lets applied files be read from an order on.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
CREATE INDEX IF NOT EXISTS main.quarrel_ledger_files_order
ON quarrel_ledger_files (table_name, target, file_order)
