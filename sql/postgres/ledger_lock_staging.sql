-- Lets one session at a time stage a large batch for a table outside a transaction.
-- Engine:  Postgres. Ends with the session, or with ledger_unlock_staging; a transaction bounds the wait.
-- Params:  $1 the lock's key
-- Tests:   jobs/connect/tests/conformance
SELECT pg_advisory_lock(hashtextextended($1, 0))
