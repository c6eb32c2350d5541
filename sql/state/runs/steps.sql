-- The steps of a run, in order.
-- Engine:  Postgres, SQLite.
-- Params:  $1 run id
SELECT step_number, step, batch_id, started_at, seconds, error FROM run_steps WHERE run_id = $1 ORDER BY step_number
