-- Reads the greatest value of a column that a sequence fills.
-- Engine:  Postgres.
-- Params:  {{table}}, {{column}}
-- Tests:   jobs/connect/tests/conformance
SELECT max({{column}})::bigint FROM {{table}}
