-- Tells which schema a name without one is looked up in.
-- Engine:  Redshift.
-- Tests:   jobs/connect/tests/conformance
SELECT CAST(current_schema() AS VARCHAR(127))
