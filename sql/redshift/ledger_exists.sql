-- Counts the tables of the ledger that are there: four when it is whole.
-- Engine:  Redshift.
-- Tests:   jobs/connect/tests/conformance
SELECT CAST(count(*) AS BIGINT)
FROM pg_catalog.pg_tables
WHERE schemaname = 'quarrel' AND tablename IN ('ledger_tables', 'ledger_batches', 'ledger_files', 'load_lock')
