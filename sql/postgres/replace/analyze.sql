-- Gathers a new table's statistics, which it keeps under its new name.
-- Engine:  Postgres.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
ANALYZE {{table}}
