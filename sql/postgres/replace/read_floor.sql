-- Reads where the last full load of a table starts.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target
-- Output:  no row when there was none
-- Tests:   jobs/connect/tests/conformance
SELECT floor FROM quarrel.ledger_full_loads WHERE table_name = $1 AND target = $2
