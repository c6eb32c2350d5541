-- Counts the rows of a table.
-- Engine:  Postgres.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
SELECT count(*) FROM {{table}}
