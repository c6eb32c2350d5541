-- Forgets the parts of a target's full loads, but for those of one.
-- Engine:  Postgres.
-- Params:  $1 target, $2 load that is kept, or NULL
-- Tests:   jobs/connect/tests/conformance
DELETE FROM quarrel.full_load_parts WHERE target = $1 AND load_id IS DISTINCT FROM $2
