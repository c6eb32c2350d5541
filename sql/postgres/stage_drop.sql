-- Drops a staging table.
-- Engine:  Postgres.
-- Params:  {{stage}} name
-- Tests:   jobs/connect/tests/conformance
DROP TABLE IF EXISTS {{stage}}
