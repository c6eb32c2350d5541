-- Drops a table. Whatever still depends on it is an error.
-- Engine:  Postgres.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
DROP TABLE {{table}}
