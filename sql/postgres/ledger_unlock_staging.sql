-- Gives back the lock of ledger_lock_staging.
-- Engine:  Postgres.
-- Params:  $1 the lock's key
-- Tests:   jobs/connect/tests/conformance
SELECT pg_advisory_unlock(hashtextextended($1, 0))
