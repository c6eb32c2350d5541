-- Lists the parts of a full load that have been committed.
-- Engine:  Postgres.
-- Params:  $1 target, $2 load
-- Order:   by name.
-- Tests:   jobs/connect/tests/conformance
SELECT part, rows, quarantined FROM quarrel.full_load_parts WHERE target = $1 AND load_id = $2 ORDER BY part
