-- Drops a staging table.
-- Engine:  SQLite.
-- Params:  {{stage}} name
-- Tests:   jobs/connect/tests/conformance
DROP TABLE IF EXISTS {{stage}}
