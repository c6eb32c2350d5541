-- Tells whether the whole ledger has been created.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
SELECT to_regclass('quarrel.ledger_tables') IS NOT NULL
    AND to_regclass('quarrel.ledger_batches') IS NOT NULL
    AND to_regclass('quarrel.ledger_files') IS NOT NULL
    AND to_regclass('quarrel.ledger_files_order') IS NOT NULL
