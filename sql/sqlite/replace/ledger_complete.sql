-- Tells whether the ledger has its tables of full loads: one that an older version made lacks them.
-- Engine:  SQLite.
-- Tests:   jobs/connect/tests/conformance
SELECT count(*) = 2 FROM main.sqlite_schema WHERE name IN ('quarrel_ledger_full_loads', 'quarrel_full_load_parts')
