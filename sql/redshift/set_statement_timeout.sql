-- Bounds the time of statements, and so the wait for a lock: Redshift has no bound for that alone.
-- Engine:  Redshift. Milliseconds.
-- Params:  {{milliseconds}}
-- Tests:   jobs/connect/tests/conformance
SET statement_timeout TO {{milliseconds}}
