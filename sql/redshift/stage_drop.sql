-- Drops the staging table; one of a load before may be left on the connection.
-- Engine:  Redshift.
-- Params:  {{stage}}
-- Tests:   jobs/connect/tests/conformance
DROP TABLE IF EXISTS {{stage}}
