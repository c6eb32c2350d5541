-- Lets one session at a time create the ledger: CREATE … IF NOT EXISTS alone fails when two do it at once.
-- Engine:  Postgres. Ends with the transaction.
-- Tests:   jobs/connect/tests/conformance
SELECT pg_advisory_xact_lock(hashtextextended('quarrel:ledger', 0))
