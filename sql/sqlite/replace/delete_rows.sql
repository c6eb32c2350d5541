-- Deletes every row of a table, which stays what it is.
-- Engine:  SQLite.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{table}}
