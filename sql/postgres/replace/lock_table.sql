-- Keeps everybody off a table until the swap is over.
-- Engine:  Postgres. lock_timeout applies.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
LOCK TABLE {{table}} IN ACCESS EXCLUSIVE MODE
