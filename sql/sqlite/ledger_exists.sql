-- Tells whether the whole ledger has been created.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
SELECT count(*) = 4 FROM main.sqlite_schema
WHERE name IN ('quarrel_ledger_tables', 'quarrel_ledger_batches', 'quarrel_ledger_files', 'quarrel_ledger_files_order')
