-- Counts the rows of a table.
-- Engine:  SQLite.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
SELECT count(*) FROM {{table}}
