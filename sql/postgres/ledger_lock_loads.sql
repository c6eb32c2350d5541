-- Serialises loads into one table, whoever runs them and under whatever name of a configuration.
-- Engine:  Postgres. Ends with the transaction; lock_timeout applies.
-- Params:  $1 the lock's key: the target's qualified name behind a prefix
-- Tests:   jobs/connect/tests/conformance
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))
