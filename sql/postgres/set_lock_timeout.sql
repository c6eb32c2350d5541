-- Bounds how long the statements of this transaction wait for a lock.
-- Engine:  Postgres.
-- Params:  $1 the bound, as `5000ms`
-- Tests:   jobs/connect/tests/conformance
SELECT set_config('lock_timeout', $1, true)
