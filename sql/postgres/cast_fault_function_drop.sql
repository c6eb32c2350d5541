-- Drops the function of cast_fault_function.
-- Engine:  Postgres.
-- Params:  {{function}} name
-- Tests:   jobs/connect/tests/conformance
DROP FUNCTION IF EXISTS pg_temp.{{function}}(text)
