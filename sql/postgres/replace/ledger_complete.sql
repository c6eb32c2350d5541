-- Tells whether the ledger has its tables of full loads: one that an older version made lacks them.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
SELECT to_regclass('quarrel.ledger_full_loads') IS NOT NULL AND to_regclass('quarrel.full_load_parts') IS NOT NULL
